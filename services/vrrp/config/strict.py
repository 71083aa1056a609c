"""What does strict mode change in an instance? keepalived's vrrp_strict and strict_mode: what the RFCs do not have. Core.

What is only switched off is said as a problem where somebody asked for it; what leaves nothing to run is in `contradictions`.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.vrrp.config.contradictions import Doubt
from services.vrrp.config.settings import DOWN_TIMER_ADVERTS, OWNER, Global, VrrpInstance


def strictly(given: VrrpInstance, defaults: Global, version: int) -> tuple[VrrpInstance, tuple[Doubt, ...]]:
    """The instance as strict mode has it, and what it loses. `version` is that of its adverts."""
    owner = (given.priority or (OWNER if given.state == "master" else 100)) == OWNER
    changed = tuple(_changes(given, defaults, version, owner))
    accept = owner if given.accept is None or (version == 2 and not owner) else given.accept
    ignores = defaults.vrrp_owner_ignore_adverts if given.owner_ignore_adverts is None else given.owner_ignore_adverts
    strict = given._replace(
        state="master" if owner else "backup",
        auth_type="",
        auth_pass=None,
        auth_hmac=None,
        preempt_delay=0,
        down_timer_adverts=DOWN_TIMER_ADVERTS,
        garp_lower_prio_repeat=0,
        garp_lower_prio_delay=0,
        lower_prio_no_advert=True,
        higher_prio_send_advert=False,
        owner_ignore_adverts=owner or ignores,
        accept=accept,
    )
    return strict, changed


def _changes(given: VrrpInstance, defaults: Global, version: int, owner: bool) -> Iterator[Doubt]:
    if given.state and (given.state == "master") is not owner:
        used = "MASTER" if owner else "BACKUP"
        yield Doubt("state", f"strict mode has MASTER for priority 255 alone: {used} is used", f"state {used}")
    if given.auth_type or given.auth_hmac is not None:
        field = "authentication" if given.auth_type else "auth_hmac"
        yield Doubt(field, "strict mode has no authentication: it is ignored", f"remove {field}, or strict_mode")
    if given.unicast_peer:
        reason = "strict mode has no unicast (RFC 5798 section 5.1): it is used all the same, as by keepalived"
        yield Doubt("unicast_peer", reason, "remove strict_mode")
    if given.preempt_delay:
        yield Doubt("preempt_delay", "strict mode has none: it is ignored")
    adverts = given.down_timer_adverts or defaults.vrrp_down_timer_adverts
    if adverts != DOWN_TIMER_ADVERTS:
        yield Doubt("down_timer_adverts", f"strict mode has {DOWN_TIMER_ADVERTS}: that is used")
    if given.garp_lower_prio_repeat:
        yield Doubt("garp_lower_prio_repeat", "strict mode announces nothing after an advert of lower priority: 0 is used")
    if given.lower_prio_no_advert is False:
        yield Doubt("lower_prio_no_advert", "strict mode does not answer adverts of lower priority: true is used")
    if given.higher_prio_send_advert:
        yield Doubt("higher_prio_send_advert", "strict mode yields without another advert: false is used")
    if given.accept and version == 2 and not owner:
        yield Doubt("accept", "strict mode of VRRPv2 accepts packets for an owner alone (RFC 3768): false is used", "version 3")
