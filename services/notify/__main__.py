"""`python -m services.notify`: the notify service."""

from __future__ import annotations

import asyncio
import os
import sys

from services.common import sdnotify, telemetry
from services.common.options import Options
from services.common.serve import run, serve


async def main(options: Options, stop: asyncio.Event) -> None:
    """Serve until `stop`; what publishers were told is on disk stays there."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # its handlers complain at each program that is started
    from services.notify.runtime import Runtime
    from services.notify.service import NAME, NotifyService
    from vipkeeper.notify.v1 import notify_pb2_grpc

    observed = telemetry.start(options)
    runtime = Runtime(options, observed)
    runtime.recover()
    service = NotifyService(runtime)
    server = await serve(
        options,
        lambda s: notify_pb2_grpc.add_NotifyServiceServicer_to_server(service, s),
        [NAME],
        lambda: runtime.problems,
    )
    watchdog = asyncio.ensure_future(_pet())
    sdnotify.ready()
    try:
        await runtime.run(stop)
    finally:
        sdnotify.stopping()
        watchdog.cancel()
        await server.stop(0.5)
        await observed.close()


async def _pet() -> None:
    """Tell systemd that the loop turns."""
    while (interval := sdnotify.watchdog_interval()) is not None:
        sdnotify.watchdog()
        await asyncio.sleep(interval)


if __name__ == "__main__":
    sys.exit(run("notify", main))
