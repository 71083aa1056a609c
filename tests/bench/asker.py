"""Asks the vrrp service of a node for its state: `python -m tests.bench.asker TARGET QUERIES STREAMS`, a program of its own.

So many queries a second, in turn of each kind, and so many watch streams, until SIGTERM; then prints
`{"answers": 10000, "updates": 0, "seconds": 10.0}`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter

import grpc

from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

TICK = 0.01  # seconds; each one's share of the queries is asked at once


async def ask(target: str, queries: int, streams: int) -> Counter[str]:
    """Until SIGTERM."""
    seen: Counter[str] = Counter()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = vrrp_pb2_grpc.VrrpServiceStub(channel)
        listed = await stub.ListInstances(vrrp_pb2.ListInstancesRequest(), wait_for_ready=True)
        names = [instance.name for instance in listed.instances]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_watch(stub, seen)) for _ in range(streams)]
            tasks.append(group.create_task(_query(stub, names, queries, seen)))
            await over.wait()
            for task in tasks:
                task.cancel()
    return seen


async def _watch(stub: vrrp_pb2_grpc.VrrpServiceStub, seen: Counter[str]) -> None:
    async for _ in stub.WatchInstances(vrrp_pb2.WatchInstancesRequest()):
        seen["updates"] += 1


async def _query(stub: vrrp_pb2_grpc.VrrpServiceStub, names: list[str], queries: int, seen: Counter[str]) -> None:
    """Punctually, and never more than a second's worth at once: a slow service is asked less."""
    loop = asyncio.get_running_loop()
    begun, asked = loop.time(), 0
    pending: set[asyncio.Task[None]] = set()

    async def one(number: int) -> None:
        name = names[number % len(names)]
        if number % 10:
            await stub.GetInstance(vrrp_pb2.GetInstanceRequest(name=name), timeout=10)
        else:
            await stub.Explain(vrrp_pb2.ExplainRequest(name=name), timeout=10)
        seen["answers"] += 1

    async with asyncio.TaskGroup() as group:
        while True:
            due = round((loop.time() - begun) * queries)
            for number in range(asked, min(due, asked + queries - len(pending))):
                task = group.create_task(one(number))
                pending.add(task)
                task.add_done_callback(pending.discard)
            asked = due
            await asyncio.sleep(TICK)


def main() -> None:
    target, queries, streams = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    began = time.monotonic()
    seen = asyncio.run(ask(target, queries, streams))
    print(json.dumps({**seen, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
