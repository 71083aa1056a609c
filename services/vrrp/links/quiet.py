"""When must the links of a virtual router keep quiet? Always but while it is master (`silence` says how, and why). Core."""

from __future__ import annotations

from services.vrrp.config.resolve import RouterSettings
from services.vrrp.election.actions import Action, Hush


def withdrawn(settings: RouterSettings) -> list[Action]:
    """It stops being master: before its addresses go."""
    return _hush(settings, True)


def in_office(settings: RouterSettings) -> list[Action]:
    """It is master: before its addresses come, so that the kernel may tell of them."""
    return _hush(settings, False)


def _hush(settings: RouterSettings, on: bool) -> list[Action]:
    return [Hush(settings.name, settings.quiet_links, on)] if settings.quiet_links else []
