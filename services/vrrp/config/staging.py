"""How does a configuration arrive in pieces and take effect at once? The transaction of the channel, as a core.

Each object is decoded when it comes, so that a commit of a thousand objects is no burst of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

from services.common.errors import InvalidValue
from services.vrrp.config import authentication
from services.vrrp.config.resolve import Memory, Resolved, resolve
from services.vrrp.config.settings import DECODERS, Settings, VrrpInstance
from services.vrrp.election import orders

if TYPE_CHECKING:
    from services.common.problems import Problem

Id = tuple[str, str]


class Staging:
    """The objects in effect, and those of a transaction that is still open."""

    def __init__(self) -> None:
        self.revision = 0
        self._objects: dict[Id, Settings | orders.Maintenance] = {}
        self._staged: dict[Id, Settings | orders.Maintenance] | None = None
        self._refused: dict[Id, Problem] = {}
        self._memory: dict[str, Memory] = {}
        self._texts: dict[Id, int] = {}  # what each object was decoded from, as a number
        self._staged_texts: dict[Id, int] = {}

    @property
    def digest(self) -> str:
        """Equal for equal objects in effect, whoever was told of them, and in which order."""
        return f"{len(self._texts)}-{crc32(repr(sorted(self._texts.items())).encode()):08x}"

    def begin(self, complete: bool) -> None:
        """Open a transaction; an open one is forgotten. `complete`: what is not put will be gone."""
        self._staged = {} if complete else dict(self._objects)
        self._staged_texts = {} if complete else dict(self._texts)
        self._refused = {}

    def put(self, kind: str, name: str, value: Mapping[str, Any]) -> None:
        """One object; one that cannot be used keeps its last good value, and the commit says why."""
        decode = orders.decode if kind == orders.KIND else DECODERS.get(kind)
        if self._staged is None or decode is None:
            return
        try:
            settings = decode(name, value)
            if isinstance(settings, VrrpInstance):
                authentication.refuse_unread(settings.auth_hmac)
            key = kind, name
            known = self._objects.get(key)
            self._staged[key] = known if known is not None and known == settings else settings
            self._staged_texts[key] = crc32(repr(value).encode())
        except InvalidValue as error:
            from services.common.problems import Problem

            place = f"config/{kind}/{name}" if name else f"config/{kind}"
            self._refused[kind, name] = Problem(place, error.field, error.reason, error.hint)
            if (kind, name) in self._objects:
                self._staged[kind, name] = self._objects[kind, name]
                self._staged_texts[kind, name] = self._texts[kind, name]

    def delete(self, kind: str, name: str) -> None:
        if self._staged is not None:
            self._staged.pop((kind, name), None)
            self._staged_texts.pop((kind, name), None)

    def commit(self, revision: int) -> tuple[Resolved, tuple[Problem, ...]] | None:
        """What runs from now on, and everything wrong with it; None where no transaction is open."""
        if self._staged is None:
            return None
        self._objects, self._staged, self.revision = self._staged, None, revision
        self._texts = self._staged_texts
        resolved = resolve(self._objects, self._memory)
        return resolved, (*self._refused.values(), *resolved.problems)

    def abandon(self) -> None:
        """The agent is gone in the middle of a transaction: it never happened."""
        self._staged = None
