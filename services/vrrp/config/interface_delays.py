"""How long must an interface be down, or up again, before that counts? keepalived's `interface_up_down_delays`. Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import interface
from services.vrrp.config.ranges import SECOND, duration

if TYPE_CHECKING:
    from services.vrrp.config.resolve import RouterSettings

FIELD = "interface_up_down_delays"
LONGEST = 255 * SECOND


class InterfaceDelays(NamedTuple):
    """Of one interface, in nanoseconds; 0: at once."""

    name: str
    down: int = 0
    up: int = 0


def decode(value: Mapping[str, Any]) -> tuple[InterfaceDelays, ...]:
    """The delays of `config/global`.

    :raises InvalidValue: one that cannot be used.
    """
    found: list[InterfaceDelays] = []
    for at, row in enumerate(value.get(FIELD, ())):
        name = interface(row.get("name", ""), f"{FIELD}[{at}].name")
        if any(other.name == name for other in found):
            raise InvalidValue(f"{FIELD}[{at}].name", f"{name} is listed twice")
        given = {f"{FIELD}[{at}].{field}": row[field] for field in ("down_delay", "up_delay") if field in row}
        for field in given:
            duration(given, field, 0, LONGEST)
        found.append(InterfaceDelays(name, row.get("down_delay", 0), row.get("up_delay", 0)))
    return tuple(found)


def effective(
    given: Iterable[InterfaceDelays], routers: Iterable[RouterSettings]
) -> tuple[dict[str, InterfaceDelays], list[tuple[str, str]]]:
    """What applies to each interface, and (field, reason) of each that is cut.

    A master whose own interface is down must say so before its peers miss it: keepalived's limit is one interval before.
    """
    limits: dict[str, int] = {}
    for router in routers:
        limit = (router.down_timer_adverts - 1) * router.advert_int
        limit = max(0, limit - router.advert_int // 256)
        limits[router.interface] = min(limit, limits.get(router.interface, limit))
    found, cut = {}, []
    for at, one in enumerate(given):
        limit = limits.get(one.name, LONGEST)
        if one.down > limit:
            reason = f"{one.name} carries adverts, whose peers would not wait for so long: {limit / SECOND:g} s is used"
            cut.append((f"{FIELD}[{at}].down_delay", reason))
        found[one.name] = one._replace(down=min(one.down, limit))
    return found, cut
