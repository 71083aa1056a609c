"""How does a service say something of itself in etcd that ends with it? Keys under a lease, written whenever needed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import grpc.aio

from services.common.etcd3_shim import rpc
from services.common.etcd_client import DEADLINE_S, EOF, EtcdClient, EtcdError, Session
from services.common.options import Options

log = logging.getLogger(__name__)

TTL_S = 15
_REFRESH_S = TTL_S / 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0
_CLOSE_S = 1.0


class Published:
    """Keeps keys at values while this process lives: granted anew when the lease is lost, written again after an outage.

    Only the newest value of a key counts; nobody waits for etcd. What etcd refuses is logged, once for each reason.
    """

    def __init__(self, options: Options) -> None:
        self._client = EtcdClient(options)
        self._values: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lease = 0
        self._complaint = ""

    def set(self, key: str, value: bytes) -> None:
        """Keep `key` (relative to the prefix) at `value` from now on."""
        self._values[key] = value
        self._changed.add(key)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Withdraw everything, by revoking the lease; for a second at most, then the lease runs out by itself."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._lease:
            with contextlib.suppress(EtcdError, TimeoutError):
                async with asyncio.timeout(_CLOSE_S), self._client.session() as session:
                    await session.call(session.lease.LeaseRevoke, rpc.LeaseRevokeRequest(ID=self._lease), _CLOSE_S)

    async def _run(self) -> None:
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                async with self._client.session() as session:
                    while True:
                        await self._keep(session)
                        pause = 0.0
            except EtcdError as e:
                if e.reason != self._complaint:
                    log.warning("cannot publish in etcd: %s", e.reason)
                self._complaint = e.reason
                pause = min(max(pause * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)

    async def _keep(self, session: Session) -> None:
        """One lease, as long as it lasts."""
        granted = await session.call(session.lease.LeaseGrant, rpc.LeaseGrantRequest(TTL=TTL_S))
        self._lease = granted.ID
        self._changed.update(self._values)
        stream = session.lease.LeaseKeepAlive(metadata=session.metadata())
        loop = asyncio.get_running_loop()
        refresh = loop.time() + _REFRESH_S
        try:
            while await self._write(session):
                self._complaint = ""
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(refresh):
                        await self._wake.wait()
                if loop.time() >= refresh:
                    refresh = loop.time() + _REFRESH_S
                    if not await self._refresh(session, stream):
                        return
        finally:
            stream.cancel()

    async def _write(self, session: Session) -> bool:
        """Write what changed; False: the lease is gone."""
        self._wake.clear()
        for key in sorted(self._changed):
            value = self._values[key]
            request = rpc.PutRequest(key=self._client.prefix + key.encode(), value=value, lease=self._lease)
            try:
                await session.call(session.kv.Put, request)
            except EtcdError as e:
                if e.code is grpc.StatusCode.NOT_FOUND:
                    return False
                raise
            if self._values[key] is value:
                self._changed.discard(key)
        return True

    async def _refresh(self, session: Session, stream: Any) -> bool:
        """The lease lives on; False: it has run out."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                await stream.write(rpc.LeaseKeepAliveRequest(ID=self._lease))
                answer = await stream.read()
        except TimeoutError:
            raise EtcdError(f"etcd at {session.endpoint} does not answer in time") from None
        except grpc.aio.AioRpcError as e:
            raise session.error(e) from None
        if answer is EOF:
            raise EtcdError(f"etcd at {session.endpoint} ended the lease's stream")
        return bool(answer.TTL > 0)
