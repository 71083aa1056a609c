"""When is each address announced by gratuitous ARP? keepalived's bursts: at once, once more, after a rival, refreshing.

Knows only times and repeats; the frames are the shell's. Times in nanoseconds.
"""

from __future__ import annotations

from services.vrrp.config.resolve import RouterSettings


class Announcements:
    """The schedule of one virtual router while it is master. Each method gives how often to announce now, 0: not."""

    __slots__ = ("_again_at", "_again_repeat", "_answered_at", "_extra_at", "_refresh_at")

    def __init__(self) -> None:
        self._extra_at: int | None = None
        self._again_at: int | None = None
        self._again_repeat = 0
        self._refresh_at: int | None = None
        self._answered_at: int | None = None

    @property
    def deadline(self) -> int | None:
        """When `due` has something to say."""
        again, refresh, extra = self._again_at, self._refresh_at, self._extra_at
        due = again if refresh is None or (again is not None and again < refresh) else refresh
        return due if extra is None or (due is not None and due < extra) else extra

    def begin(self, settings: RouterSettings, now: int) -> int:
        """Became master: a burst now, one after garp_master_delay; refreshes from now on, as keepalived 2.2.7 does."""
        self.end()
        if settings.garp_master_delay:
            self._again_at = now + settings.garp_master_delay
            self._again_repeat = settings.garp_master_repeat
        self.refresh(settings, now)
        self.renew_extra(settings, now)
        return settings.garp_master_repeat

    def refresh(self, settings: RouterSettings, now: int) -> None:
        """(Re)start the refreshing bursts, as the settings say."""
        self._refresh_at = now + settings.garp_master_refresh if settings.garp_master_refresh else None

    def renew_extra(self, settings: RouterSettings, now: int) -> None:
        """(Re)start what garp_extra_if wants."""
        self._extra_at = now + settings.garp_extra_if if settings.garp_extra_if else None

    def changed(self, before: RouterSettings, settings: RouterSettings, now: int) -> None:
        """Other settings of a master: what comes again and again starts anew where it is another."""
        if settings.garp_master_refresh != before.garp_master_refresh:
            self.refresh(settings, now)
        if settings.garp_extra_if != before.garp_extra_if:
            self.renew_extra(settings, now)

    def extra_due(self, settings: RouterSettings, now: int) -> bool:
        """Whether addresses on other interfaces are to be announced, once."""
        due = self._extra_at is not None and self._extra_at <= now
        if due:
            self.renew_extra(settings, now)
        return due

    def heard_lower(self, settings: RouterSettings, now: int, fresh: bool = False) -> int:
        """A rival spoke, so caches may be wrong; at most one answer per advert interval, whatever is forged.

        `fresh`: we took office a moment ago, so it is the last word of one that yields, mostly; once is enough for now.
        """
        if self._answered_at is not None and now - self._answered_at < settings.advert_int:
            return 0
        self._answered_at = now
        if settings.garp_lower_prio_repeat and settings.garp_lower_prio_delay:
            self._again_at = now + settings.garp_lower_prio_delay
            self._again_repeat = settings.garp_lower_prio_repeat
        return min(1, settings.garp_lower_prio_repeat) if fresh else settings.garp_lower_prio_repeat

    def due(self, settings: RouterSettings, now: int) -> int:
        """The bursts whose time has come, as one."""
        repeat = 0
        if self._again_at is not None and self._again_at <= now:
            self._again_at = None
            repeat = self._again_repeat
        if self._refresh_at is not None and self._refresh_at <= now:
            self.refresh(settings, now)
            repeat += settings.garp_master_refresh_repeat
        return repeat

    def end(self) -> None:
        """No longer master."""
        self._again_at = self._refresh_at = self._answered_at = self._extra_at = None
