"""What should this node do now? The store's batches in, changed settings and problems out.

Core: knows no store, no files, no clock. Keys (relative to the prefix):
`config/global`, `config/KIND/NAME`, `config/real_server/VIRTUAL_SERVER/NAME`, and for one node `node/NODE/` before the same
without `config/`: `node/d2/vrrp_instance/VI_1`, a JSON merge patch (RFC 7396); the patch `null` removes the object there.
An object whose new value is bad keeps its last good value; all others go on changing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common import json_text
from services.common.batch import Batch
from services.common.errors import InvalidValue
from services.common.problems import Problem

Decoder = Callable[[str, Mapping[str, Any]], Any]
Check = Callable[[str, Any], dict[str, Any]]
Id = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What one batch changed. Ids are (kind, name): ("vrrp_instance", "VI_1"), ("global", ""),
    ("real_server", "tcp-192.168.200.10-80/192.168.100.2-80"). `problems` are all that exist now."""

    revision: int
    upserts: Mapping[Id, Any]
    removals: frozenset[Id]
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return bool(self.upserts or self.removals)


@dataclass(slots=True)
class _Object:
    """Everything known of one id: its two sources as text, and what was made of them last."""

    base: bytes | None = None
    patch: bytes | None = None
    accepted: Mapping[str, Any] | None = None
    settings: Any = None
    problems: tuple[Problem, ...] = field(default=())

    @property
    def last_good(self) -> Mapping[str, Any] | None:
        """What stays when the present texts are bad. A patch alone has lost its base, and so the object is gone."""
        return self.accepted if self.base is not None else None


class Desired:
    """The configuration as one node sees it.

    `decoders` names the kinds that matter here and makes settings of their plain dicts; `known` are all kinds that exist;
    `check` turns decoded JSON into a plain dict. Both raise InvalidValue. `others` are further decoders by kind, of
    services that read the same objects: what one of them refuses is not taken here either, and it is theirs to tell.
    """

    def __init__(
        self,
        node: str,
        decoders: Mapping[str, Decoder],
        known: frozenset[str],
        check: Check,
        others: Mapping[str, Sequence[Decoder]] | None = None,
    ) -> None:
        self._node = node
        self._decoders = decoders
        self._known = known
        self._check = check
        self._others = others or {}
        self._objects: dict[Id, _Object] = {}
        self._strays: dict[str, Problem] = {}
        self._troubled: set[Id] = set()
        self.revision = 0

    def apply(self, batch: Batch) -> Change:
        """Take one batch; a snapshot stands for everything, so what it lacks is gone."""
        self.revision = batch.revision
        touched: dict[Id, None] = {}
        if batch.snapshot:
            self._strays.clear()
            for identity, known in self._objects.items():
                known.base = known.patch = None
                touched[identity] = None
        for key, text in batch.values.items():
            self._take(key, text, touched)
        upserts: dict[Id, Any] = {}
        removals: set[Id] = set()
        for identity in touched:
            self._settle(identity, upserts, removals)
        return Change(batch.revision, upserts, frozenset(removals), self.problems())

    def problems(self) -> tuple[Problem, ...]:
        """All problems that exist now, in the order of their keys."""
        found = [p for identity in self._troubled for p in self._objects[identity].problems]
        return tuple(sorted([*found, *self._strays.values()]))

    def settings(self) -> dict[Id, Any]:
        """All objects as they are in force."""
        return {i: o.settings for i, o in self._objects.items() if o.accepted is not None}

    def accepted(self, identity: Id) -> Mapping[str, Any] | None:
        """What is in force of one object as a plain dict, the node patch merged in; None: no such object."""
        known = self._objects.get(identity)
        return known.accepted if known is not None else None

    def _take(self, key: str, text: bytes | None, touched: dict[Id, None]) -> None:
        """File one key's text under its object; keys that mean nothing become problems."""
        self._strays.pop(key, None)
        place, identity = _locate(key, self._node)
        if place == "elsewhere":
            return
        if identity is None or identity[0] not in self._known:
            if text is not None:
                self._strays[key] = Problem(key, "", "no such key", f"kinds are {', '.join(sorted(self._known))}")
            return
        if identity[0] not in self._decoders:
            return
        known = self._objects.setdefault(identity, _Object())
        if place == "config":
            known.base = text
        else:
            known.patch = text
        touched[identity] = None

    def _settle(self, identity: Id, upserts: dict[Id, Any], removals: set[Id]) -> None:
        """Decide what an object's texts mean now."""
        known = self._objects[identity]
        known.problems = ()
        wanted: Mapping[str, Any] | None = None
        try:
            wanted = self._merged(identity, known)
            if wanted is not None and wanted != known.accepted:
                settings = self._decoders[identity[0]](identity[1], wanted)
                if self._refused_elsewhere(identity, wanted):
                    wanted = known.last_good
                else:
                    upserts[identity] = known.settings = settings
        except InvalidValue as e:
            known.problems = (self._blame(identity, known, e),)
            wanted = known.last_good
        if wanted is None and known.accepted is not None:
            removals.add(identity)
            known.settings = None
        known.accepted = wanted
        if known.problems:
            self._troubled.add(identity)
        else:
            self._troubled.discard(identity)
            if known.base is None and known.patch is None:
                del self._objects[identity]

    def _refused_elsewhere(self, identity: Id, value: Mapping[str, Any]) -> bool:
        kind, name = identity
        try:
            for decode in self._others.get(kind, ()):
                decode(name, value)
        except InvalidValue:
            return True
        return False

    def _merged(self, identity: Id, known: _Object) -> dict[str, Any] | None:
        """The plain dict of base and patch together; None where there is none."""
        if known.base is None and known.patch is None:
            return None
        raw = None if known.base is None else json_text.decode(known.base)
        if known.patch is not None:
            raw = json_text.merge(raw, json_text.decode(known.patch))
            if raw is None:
                return None
        return self._check(identity[0], raw)

    def _blame(self, identity: Id, known: _Object, error: InvalidValue) -> Problem:
        """Name the text that a complaint is about: the object if it is bad by itself, else the patch if it has the field."""
        key = key_of(identity)
        if known.patch is not None and known.base is not None:
            try:
                self._check(identity[0], json_text.decode(known.base))
            except InvalidValue as own:
                return Problem(key, own.field, own.reason, own.hint)
        if known.patch is not None and (known.base is None or _mentions(known.patch, error.field)):
            key = f"node/{self._node}/{key.removeprefix('config/')}"
            if known.base is None:
                missing = f"{key_of(identity)} does not exist, and this patch alone makes no object: {error}"
                return Problem(key, "", missing, "delete the patch, or put the object")
        return Problem(key, error.field, error.reason, error.hint)


def key_of(identity: Id) -> str:
    """The key of an object, relative to the prefix."""
    kind, name = identity
    return f"config/{kind}/{name}" if name else f"config/{kind}"


def _locate(key: str, node: str) -> tuple[str, Id | None]:
    """Which object a key speaks of: ("config" or "node", id), ("elsewhere", None) if not of this node, id None if malformed."""
    root, _, tail = key.partition("/")
    if root == "node":
        name, _, tail = tail.partition("/")
        if name != node:
            return "elsewhere", None
    elif root != "config":
        return "elsewhere", None
    kind, _, name = tail.partition("/")
    parts = name.split("/") if name else []
    expected = {"global": 0, "real_server": 2}.get(kind, 1)
    if len(parts) != expected or not all(parts):
        return root, None
    return root, (kind, name)


def _mentions(patch: bytes, path: str) -> bool:
    """Whether a patch's text gives the first member of a field path."""
    try:
        raw = json_text.decode(patch)
    except InvalidValue:
        return True
    if not isinstance(raw, dict):
        return True
    first = path.split(".")[0].split("[")[0]
    return first in raw
