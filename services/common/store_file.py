"""How is a JSON file a configuration store? One object, keys as in etcd without the prefix, values as JSON objects:

{"config/global": {"router_id": "lb1"}, "node/lb1/vrrp_instance/VI_1": {"priority": 200}}
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from services.common import json_text
from services.common.batch import Batch
from services.common.errors import InvalidValue
from services.common.inotify import FileWatch, stamp

log = logging.getLogger(__name__)

_WATCHED = ("config/", "node/")
_SHAPE = 'expected one JSON object, such as {"config/global": {...}}'


class FileStore:
    """Follows the file at `path`; a broken or missing file leaves in force what was read before.

    Revisions count the readings that changed something, from 1. `published` holds what services said of themselves: it
    goes nowhere, because the file belongs to its author.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()
        self._values: dict[str, bytes] = {}
        self._revision = 0
        self._trouble = ""
        self._watch: FileWatch | None = None
        self._closed = False
        self.published: dict[str, bytes] = {}

    def _read(self) -> dict[str, bytes]:
        """Values by key.

        :raises InvalidValue: it is not what `_SHAPE` says.
        :raises OSError: it cannot be read.
        """
        raw = json_text.decode(self._path.read_bytes())
        if not isinstance(raw, dict):
            raise InvalidValue("", f"line 1 column 1: {_SHAPE}")
        if strange := [key for key in raw if not key.startswith((*_WATCHED, "status/"))]:
            log.warning("%s: keys begin with config/ or node/; ignored: %s", self._path, ", ".join(strange[:5]))
        return {key: json.dumps(value).encode() for key, value in raw.items() if key.startswith(_WATCHED)}

    async def _next(self) -> Batch | None:
        """What the file says that it did not say before."""
        try:
            values = await asyncio.to_thread(self._read)
        except OSError as e:
            self._say(f"{self._path}: {(e.strerror or str(e)).lower()}")
            return None
        except InvalidValue as e:
            self._say(f"{self._path}: {e}")
            return None
        self._say("")
        before, self._values = self._values, values
        if self._revision and values == before:
            return None
        self._revision += 1
        if self._revision == 1:
            return Batch(1, True, values)
        return Batch(self._revision, False, _difference(before, values))

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("configuration: %s; what was read before stays in force", trouble)
        self._trouble = trouble

    async def batches(self) -> AsyncIterator[Batch]:
        """See `Store.batches`. For one reader."""
        with FileWatch(self._path) as self._watch:
            while not self._closed:
                before = stamp(self._path)
                if (batch := await self._next()) is not None:
                    yield batch
                if not self._closed:
                    await self._watch.changed(before)

    async def publish(self, key: str, value: bytes) -> None:
        """See `Store.publish`; the file is not written to."""
        self.published[key] = value

    def trouble(self) -> str:
        """Why the file cannot be used: its path, line and column, what was expected."""
        return self._trouble

    async def aclose(self) -> None:
        """End the iterator."""
        self._closed = True
        if self._watch is not None:
            self._watch.wake()


def _difference(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> dict[str, bytes | None]:
    gone: dict[str, bytes | None] = dict.fromkeys(before.keys() - now.keys())
    return gone | {key: value for key, value in now.items() if before.get(key) != value}
