"""How does etcd serve as configuration store? A snapshot at one revision, then every revision after it, exactly once.

`config/` and `node/` are read and watched as the one range of keys from `config/` to the end of `node/`, so that what
changed at one revision arrives together. A role therefore needs read permission on the prefix, not on its parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import grpc.aio

from services.common.batch import Batch
from services.common.etcd3_shim import rpc
from services.common.etcd_client import DEADLINE_S, EOF, EtcdClient, EtcdError, Session, once_at_each
from services.common.etcd_events import Event, Watched
from services.common.etcd_lease import Published
from services.common.options import Options

log = logging.getLogger(__name__)

T = TypeVar("T")

PAGE = 1_000  # keys in one answer
TRANSACTION = 128  # operations in one transaction: etcd's --max-txn-ops
TRANSACTION_BYTES = 1 << 20  # two thirds of etcd's --max-request-bytes
_FIRST, _END = b"config/", b"node0"  # "0" follows "/"
_WATCHED = ("config/", "node/")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0


class _Closed(Exception):
    """`aclose` was called."""


class _Gap(Exception):
    """What is missing cannot be told any more; a fresh snapshot is needed."""


class EtcdStore:
    """The configuration below `--prefix`, and keys published under a lease. See `Store` for the contract.

    :raises StoreError: the address or the credentials cannot be meant.
    """

    def __init__(self, options: Options) -> None:
        self._client = EtcdClient(options)
        self._published = Published(options)
        self._watched: Watched | None = None
        self._trouble = "etcd has not answered yet"
        self._told: set[str] = set()
        self._closing = asyncio.Event()
        self._pause = 0.0

    def trouble(self) -> str:
        """Why etcd cannot be used now, naming the endpoint tried last."""
        return self._trouble

    async def publish(self, key: str, value: bytes) -> None:
        """See `Store.publish`."""
        self._published.set(key, value)

    async def aclose(self) -> None:
        """End the iterator, revoke the lease; takes a second at most."""
        self._closing.set()
        await self._published.close()

    async def batches(self) -> AsyncIterator[Batch]:
        """See `Store.batches`. For one reader."""
        with contextlib.suppress(_Closed):
            while True:
                try:
                    async with self._client.session() as session, contextlib.aclosing(self._follow(session)) as new:
                        async for batch in new:
                            yield batch
                except _Gap as e:
                    log.warning("configuration: %s; reading everything again", e)
                    self._watched = None
                except EtcdError as e:
                    self._say(e.reason)
                await self._rest()

    async def _rest(self) -> None:
        """Wait before the next attempt, longer each time; an answer of etcd's begins anew."""
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        await self._unless_closed(asyncio.sleep(self._pause * random.uniform(0.75, 1.25)))

    async def _unless_closed(self, work: Awaitable[T]) -> T:
        """Result of `work`; `aclose` cuts it short."""
        task, closing = asyncio.ensure_future(work), asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((task, closing), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise _Closed
            return task.result()
        finally:
            for each in (task, closing):
                each.cancel()
            await asyncio.gather(task, closing, return_exceptions=True)

    def _say(self, trouble: str) -> None:
        if trouble and trouble not in self._told:  # several endpoints fail in turn, for as long as it lasts
            log.warning("configuration: %s; what was read before stays in force", trouble)
            self._told.add(trouble)
        if self._trouble and not trouble:
            log.info("configuration: following etcd at %s", ", ".join(self._client.endpoints))
            self._pause = 0.0
            self._told.clear()
        self._trouble = trouble

    def _relative(self, key: bytes) -> str | None:
        """Name of a key below the prefix; None: not part of the configuration."""
        name = key.removeprefix(self._client.prefix).decode(errors="replace")
        return name if name.startswith(_WATCHED) else None

    async def _follow(self, session: Session) -> AsyncGenerator[Batch, None]:
        """Batches out of one session, beginning with a snapshot where there is none yet."""
        if self._watched is None:
            batch = await self._unless_closed(self._snapshot(session))
            yield batch
        else:
            await self._unless_closed(self._recognise(session, self._watched))
        assert self._watched is not None
        stream = session.watch()
        try:
            await self._unless_closed(self._create(session, stream, self._watched))
            self._say("")
            while True:
                for batch in self._take(session, await self._unless_closed(stream.read()), self._watched):
                    yield batch
        except grpc.aio.AioRpcError as e:
            raise session.error(e) from None
        finally:
            stream.cancel()

    async def _range(self, session: Session, **request: Any) -> Any:
        """Watched keys from `key` (default: the first) on.

        :raises _Gap: the revision asked for is compacted, or was never reached.
        """
        first, end = self._client.prefix + _FIRST, self._client.prefix + _END
        try:
            return await session.call(session.kv.Range, rpc.RangeRequest(**{"key": first, "range_end": end} | request))
        except EtcdError as e:
            if e.code is grpc.StatusCode.OUT_OF_RANGE:
                raise _Gap(f"{e.reason} (revision {request['revision']})") from None
            raise

    async def _snapshot(self, session: Session) -> Batch:
        """Every key of the configuration at one revision, read page by page."""
        values: dict[str, bytes | None] = {}
        modified: dict[bytes, int] = {}
        answer = await self._range(session, limit=PAGE, revision=0)
        revision = answer.header.revision
        while True:
            for kv in answer.kvs:
                modified[kv.key] = kv.mod_revision
                if (name := self._relative(kv.key)) is not None:
                    values[name] = kv.value
            if not answer.more:
                self._watched = Watched(revision, modified, self._relative)
                return Batch(revision, True, values)
            answer = await self._range(session, limit=PAGE, revision=revision, key=answer.kvs[-1].key + b"\0")

    async def _recognise(self, session: Session, watched: Watched) -> None:
        """Make sure that the store still has the history that we know; a wiped or restored one may have grown since.

        :raises _Gap: it has another.
        """
        newest = {"sort_target": rpc.RangeRequest.MOD, "sort_order": rpc.RangeRequest.DESCEND}
        answer = await self._range(session, revision=watched.revision, limit=1, keys_only=True, **newest)
        key, modified = (answer.kvs[0].key, answer.kvs[0].mod_revision) if answer.kvs else (b"", 0)
        if not watched.is_last_changed(key, modified, answer.count):
            raise _Gap(f"etcd at {session.endpoint} was wiped or restored: revision {watched.revision} is another")

    async def _create(self, session: Session, stream: Any, watched: Watched) -> None:
        """Start the watch after the last revision that is known.

        :raises _Gap: the store has not come as far, or has forgotten what followed.
        """
        request = rpc.WatchCreateRequest(
            key=self._client.prefix + _FIRST,
            range_end=self._client.prefix + _END,
            start_revision=watched.revision + 1,
            progress_notify=True,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                await stream.write(rpc.WatchRequest(create_request=request))
                response = await stream.read()
        except TimeoutError:
            raise EtcdError(f"etcd at {session.endpoint} does not answer in time") from None
        _refuse(session, response)
        if response.header.revision < watched.revision:
            raise _Gap(f"etcd at {session.endpoint} was wiped or restored: revision {response.header.revision}")

    def _take(self, session: Session, response: Any, watched: Watched) -> tuple[Batch, ...]:
        _refuse(session, response)
        events = [
            Event(e.kv.mod_revision, e.kv.key, None if e.type == rpc.Event.DELETE else e.kv.value) for e in response.events
        ]
        batches = watched.response(events)
        if not events:
            watched.progressed(response.header.revision)
        return batches


def _refuse(session: Session, response: Any) -> None:
    """:raises _Gap, EtcdError: the watch has ended."""
    if response is EOF:
        raise EtcdError(f"etcd at {session.endpoint} ended the watch")
    if response.compact_revision:
        raise _Gap(f"etcd was compacted up to revision {response.compact_revision}")
    if response.canceled:
        raise session.failure(grpc.StatusCode.UNKNOWN, response.cancel_reason or "the watch was cancelled")


async def put_all(options: Options, values: Mapping[str, bytes], delete: Collection[str] = ()) -> int:
    """Write and delete keys (relative to the prefix); returns the revision after the last change.

    Up to 128 keys (or 1 MiB) change together, at one revision. More take several transactions, in order of the keys, deletions
    last: each is whole, but readers see one after the other, and a failure leaves those before it done.

    :raises StoreError: the address or the credentials cannot be meant.
    :raises UnavailableError: no endpoint took it; nothing was changed by the transaction that failed, unless etcd broke
        off while it answered.
    """
    client = EtcdClient(options)
    puts = [
        rpc.RequestOp(request_put=rpc.PutRequest(key=client.prefix + key.encode(), value=values[key])) for key in sorted(values)
    ]
    deletions = [
        rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=client.prefix + key.encode()))
        for key in sorted(set(delete) - set(values))
    ]

    async def work(session: Session) -> int:
        revision = 0
        for operations in _transactions(puts + deletions):
            request = rpc.TxnRequest(success=operations)
            revision = (await session.call(session.kv.Txn, request, 4 * DEADLINE_S)).header.revision
        return revision

    revision: int = await once_at_each(client, work)
    return revision


def _transactions(operations: Sequence[Any]) -> Iterator[list[Any]]:
    """The operations in the fewest transactions that etcd takes."""
    chunk: list[Any] = []
    size = 0
    for operation in operations:
        if chunk and (len(chunk) == TRANSACTION or size + operation.ByteSize() > TRANSACTION_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(operation)
        size += operation.ByteSize()
    if chunk:
        yield chunk


async def get_prefix(options: Options, start: str = "") -> dict[str, bytes]:
    """Every key that begins with `start`, and its value; both relative to the prefix, at one revision, in key order.

    :raises StoreError: the address or the credentials cannot be meant.
    :raises UnavailableError: no endpoint answers.
    """
    client = EtcdClient(options)
    first = client.prefix + start.encode()

    async def work(session: Session) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        key, revision, more = first, 0, True
        while more:
            request = rpc.RangeRequest(key=key, range_end=_after(first), limit=PAGE, revision=revision)
            answer = await session.call(session.kv.Range, request, 4 * DEADLINE_S)
            found |= {kv.key[len(client.prefix) :].decode(errors="replace"): kv.value for kv in answer.kvs}
            revision, more = revision or answer.header.revision, answer.more
            key = answer.kvs[-1].key + b"\0" if answer.kvs else key
        return found

    result: dict[str, bytes] = await once_at_each(client, work)
    return result


def _after(prefix: bytes) -> bytes:
    """The first key after all that begin with `prefix`, which is not empty and, being UTF-8, has no byte 0xff."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
