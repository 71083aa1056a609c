"""Which keys must change so that one node's configuration is what its file says? Pure: store and file in, changes out.

The first node that imports into an empty store gives the shared objects (`config/...`). Every other node gets merge patches
(`node/NODE/...`, RFC 7396) against them: only what differs, a whole object where nothing is shared, `null` where it has no
such object. When the first node imports an edited file, the shared objects follow, and the patches of the nodes that have
imported too are renewed so that nothing changes there. `status/NODE/import` remembers who imported what.

After a plan is carried out the node's effective configuration equals its file, and that of every other known node is what
it was. With `replace` the shared objects become the file's for everybody; other nodes keep the patches that still have an
object to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.common import values
from services.common.errors import InvalidValue
from services.common.json_text import merge, merge_patch

ABSENT: Final = object()
Objects = Mapping[str, Any]  # by tail, such as vrrp_instance/VI_1


@dataclass(slots=True)
class Plan:
    """Keys to write (decoded JSON) and keys to delete."""

    puts: dict[str, Any] = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.puts or self.deletes)

    def applied(self, store: Mapping[str, Any]) -> dict[str, Any]:
        """The store after the plan."""
        return {key: value for key, value in store.items() if key not in self.deletes} | self.puts


@dataclass(slots=True)
class Store:
    """A store's contents, sorted out."""

    shared: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, dict[str, Any]] = field(default_factory=dict)
    imports: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """The node whose import gave the shared objects."""
        return next((node for node, record in self.imports.items() if record.get("shared") is True), None)

    def effective(self, node: str) -> dict[str, Any]:
        """The objects of a node, in canonical form."""
        patches = self.patches.get(node, {})
        found = {}
        for tail in self.shared | patches:
            value = self.shared.get(tail)
            value = merge(value, patches[tail]) if tail in patches else value
            if value is not None:
                found[tail] = canonical(tail, value)
        return found


def sorted_out(store: Mapping[str, Any]) -> Store:
    """Keys (relative to the prefix) with decoded values as a Store; other keys are passed over."""
    result = Store()
    for key, value in store.items():
        root, _, rest = key.partition("/")
        node, _, tail = rest.partition("/")
        if root == "config":
            result.shared[rest] = canonical(rest, value)
        elif root == "node" and tail:
            result.patches.setdefault(node, {})[tail] = value
        elif root == "status" and tail == "import" and isinstance(value, dict):
            result.imports[node] = value
    return result


def canonical(tail: str, value: Any) -> Any:
    """A value as this program writes it; one that is no valid object stays as it is."""
    kind = tail.partition("/")[0]
    try:
        return values.render(kind, values.check(kind, value))
    except InvalidValue:
        return value


def plan_import(
    store: Mapping[str, Any], node: str, objects: Mapping[str, Any], *, source: str = "", replace: bool = False
) -> Plan:
    """What importing `objects` (`config/...` keys, canonical values) for `node` changes. `source` names the file."""
    before = sorted_out(store)
    wanted = {key.removeprefix("config/"): value for key, value in objects.items()}
    nobody = before.owner is None and not before.shared and not before.patches
    shares = replace or nobody or before.owner == node
    shared = wanted if shares else before.shared
    changed = {tail for tail in before.shared | shared if before.shared.get(tail, ABSENT) != shared.get(tail, ABSENT)}

    patches = {name: dict(own) for name, own in before.patches.items()}
    for other in {*before.patches, *before.imports} - {node}:
        if replace:
            orphans = {tail for tail in patches.get(other, ()) if tail in before.shared and tail not in shared}
            patches[other] = {tail: patch for tail, patch in patches.get(other, {}).items() if tail not in orphans}
        else:
            patches[other] = patches.get(other, {}) | {}
            _renew(patches[other], changed, shared, before.effective(other))
    patches[node] = {}
    _renew(patches[node], {*shared, *wanted}, shared, wanted)

    imports = {name: dict(record) for name, record in before.imports.items()}
    if shares:
        imports = {name: record | {"shared": False} for name, record in imports.items()}
    imports[node] = {"file": source, "shared": shares}
    return _difference(store, before, _keys(shared, patches, imports))


def _renew(patches: dict[str, Any], tails: set[str], shared: Objects, effective: Objects) -> None:
    """Set the patches of `tails` so that they lead from the shared objects to the effective ones."""
    for tail in tails:
        patches.pop(tail, None)
        if tail not in effective:
            if tail in shared:
                patches[tail] = None
        elif tail not in shared:
            patches[tail] = effective[tail]
        elif patch := merge_patch(shared[tail], effective[tail]):
            patches[tail] = patch


def _keys(shared: Objects, patches: Mapping[str, Objects], imports: Mapping[str, Any]) -> dict[str, Any]:
    keys = {f"config/{tail}": value for tail, value in shared.items()}
    for node, own in patches.items():
        keys |= {f"node/{node}/{tail}": patch for tail, patch in own.items()}
    return keys | {f"status/{node}/import": record for node, record in imports.items()}


def _difference(raw: Mapping[str, Any], before: Store, after: Mapping[str, Any]) -> Plan:
    """Changes from a store to keys. An object that says the same in other words is left alone."""
    known = _keys(before.shared, before.patches, before.imports)
    puts = {key: value for key, value in sorted(after.items()) if key not in known or known[key] != value}
    return Plan(puts, sorted(key for key in known if key not in after and key in raw))
