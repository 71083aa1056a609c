"""What is a configuration store? The contract that etcd and a file both keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from services.common.batch import Batch as Batch
from services.common.errors import StoreError
from services.common.options import Options


class Store(Protocol):
    """Where the configuration lives."""

    def batches(self) -> AsyncIterator[Batch]:
        """A snapshot of `config/` and `node/`, then one batch per revision, in order, none lost, none twice.

        Never ends and never raises for an outage: it reconnects, and resumes after the last revision seen; where that is
        impossible (compaction, a wiped store) the next batch is a snapshot.
        """
        ...

    async def publish(self, key: str, value: bytes) -> None:
        """Keep `key` at `value` while this process lives (etcd: under a lease, written again after an outage).

        Never raises for an outage and never waits for the store; only the newest value of a key counts.
        """
        ...

    def trouble(self) -> str:
        """Why the store cannot be reached now, in words; empty when it can."""
        ...

    async def aclose(self) -> None:
        """End the iterator and withdraw what was published."""
        ...


def open_store(options: Options) -> Store:
    """The store that `--store` names.

    :raises StoreError: the address or the credentials cannot be meant.
    """
    scheme, _, rest = options.store.partition(":")
    if scheme == "file" and rest:
        from services.common.store_file import FileStore

        return FileStore(rest)
    if scheme == "etcd" and rest.startswith("//"):
        from services.common.store_etcd import EtcdStore

        return EtcdStore(options)
    raise StoreError(f"--store: expected etcd://HOST:PORT[,HOST:PORT...] or file:PATH, got {options.store!r}")
