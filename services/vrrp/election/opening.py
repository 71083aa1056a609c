"""Which adverts will a new engine send at once, whatever else it finds? The first words of address owners. Core.

Those that wait for nothing: no tracker whose first result counts, no sync group, no delay, no order of an operator, no
interface of the service's own making, no number or time in the advert. What is left depends on the interface and its
address alone; who says the words beforehand looks at both (`launcher.first_words`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.vrrp.election.priority import OWNER

if TYPE_CHECKING:
    from services.vrrp.election.node import Node
    from services.vrrp.election.router import VirtualRouter

MOST = 24_000  # bytes of all packets: they are to be read at one go


def first_words(node: Node) -> list[str]:
    """`INTERFACE HEX` of each packet: complete, with its IP header."""
    if node.delayed:
        return []
    left, words = MOST, []
    for name, router in node.routers.items():
        if router.settings.priority == OWNER and name not in node.group_of and _certain(router):
            for advert in router.adverts(OWNER):
                left -= len(advert.data)
                if left >= 0:
                    words.append(f"{advert.interface} {advert.data.hex()}")
    return words


def _certain(router: VirtualRouter) -> bool:
    s, inputs = router.settings, router.inputs
    tracked = s.track_interface or s.track_script or s.track_file or s.track_process or s.track_bfd or s.depends
    special = s.links or s.frame_mac or s.ah or s.hmac or s.fault_no_peer
    return inputs.start_master and inputs.source is not None and not tracked and not special
