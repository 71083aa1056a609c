"""Which services judge a value? An object is taken by every service that reads it, or by none.

Several services read the same object: a real server's weight is for ipvs, its checks for checker. If one of them refuses a
value, the others keep their last good one too, so that no half of it takes effect; the one that refuses tells the problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.checker import settings as checker
from services.ipvs import globals, groups
from services.ipvs import settings as ipvs
from services.notify import settings as notify
from services.vrrp.config import settings as vrrp

Decoder = Callable[[str, Mapping[str, Any]], Any]

DECODERS: Final[Mapping[str, Mapping[str, Decoder]]] = {
    "vrrp": vrrp.DECODERS,
    "checker": {
        "global": checker.decode_global,
        "virtual_server": checker.decode_virtual_server,
        "real_server": checker.decode_real_server,
        "track_file": checker.decode_track_file,
    },
    "ipvs": {
        "global": globals.decode_global,
        "virtual_server": ipvs.virtual_server,
        "virtual_server_group": groups.virtual_server_group,
        "real_server": ipvs.real_server,
    },
    "notify": notify.DECODERS,
}


def others(service: str) -> dict[str, Sequence[Decoder]]:
    """By kind: how the services beside this one judge a value. Each raises InvalidValue."""
    kinds = {kind for decoders in DECODERS.values() for kind in decoders}
    return {
        kind: [decoders[kind] for name, decoders in DECODERS.items() if name != service and kind in decoders] for kind in kinds
    }
