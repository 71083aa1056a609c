"""The one error tree: every failure that a person reads, with what to do about it."""

from __future__ import annotations


class VipkeeperError(Exception):
    """Base of everything that this project raises on purpose; its text is one line for people."""


class InvalidValue(VipkeeperError):
    """A value of the configuration cannot be used.

    `field` is the path within the value (`virtual_ipaddress[2].address`; empty: the whole value), `reason` says what is
    wrong and what was expected, `hint` (may be empty) what to do.
    """

    def __init__(self, field: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason
        self.hint = hint

    def within(self, prefix: str) -> InvalidValue:
        """The same complaint, one level further out."""
        if not self.field:
            return InvalidValue(prefix, self.reason, self.hint)
        joint = "" if self.field.startswith("[") else "."
        return InvalidValue(f"{prefix}{joint}{self.field}", self.reason, self.hint)


class UsageError(VipkeeperError):
    """A command line or an environment variable is wrong."""


class StoreError(VipkeeperError):
    """The configuration store cannot be used at all (bad address, bad credentials file, unreadable file)."""


class UnavailableError(VipkeeperError):
    """Something the service needs is missing now and may come: an interface, a kernel module, a capability, a port."""
