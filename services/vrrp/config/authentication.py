"""How are adverts authenticated? The decoders of `authentication` and `auth_hmac`. Core.

A key of VRRPv2 is eight bytes: longer ones are cut, shorter ones padded with zeros, as keepalived does. Keys of the trailer
of HMAC-SHA256 have 32 to 64 bytes. Those of files are read by the agent, which hands them to the engine (`filled`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.config.ranges import SECOND, duration

PASS, AH = "pass", "ah"  # keepalived's auth_type, in lower case
KEY = 8  # bytes
LEAST, MOST = 32, 64  # bytes of a key of the trailer
LONGEST_WINDOW = 300 * SECOND
HEX, FILE = "hex:", "file:"  # keepalived's other ways to give a key
READ = "read"  # beside `key_file`, for the engine alone: what the file holds
UNREAD = b""


class AuthHmac(NamedTuple):
    """`auth_hmac`: keys by id, and the one that signs. `window` in nanoseconds, None: not given, 0: no clock is compared.

    `mode`: "enforce", "permissive" (adverts without a trailer are heard) or "receive_only" (and ours have none either).
    """

    keys: tuple[tuple[int, bytes], ...]
    active: int
    window: int | None = None
    mode: str = "enforce"

    @property
    def signs(self) -> bool:
        return self.mode != "receive_only"

    @property
    def required(self) -> bool:
        return self.mode == "enforce"

    def with_window(self, interval: int) -> AuthHmac:
        """The window filled in: three intervals, and at least 5 s."""
        if self.window is not None:
            return self
        return self._replace(window=min(LONGEST_WINDOW, max(3 * interval, 5 * SECOND)))


def type_and_password(value: Mapping[str, Any]) -> tuple[str, str | None]:
    """auth_type and auth_pass of an instance; ("", None) without authentication.

    :raises InvalidValue: one of the two is missing.
    """
    authentication = value.get("authentication")
    if authentication is None or not authentication.get("auth_type"):
        if authentication and authentication.get("auth_pass"):
            raise InvalidValue("authentication.auth_type", "is required where auth_pass is given", "auth_type PASS or AH")
        return "", None
    kind: str = authentication["auth_type"]
    if not authentication.get("auth_pass"):
        raise InvalidValue("authentication.auth_pass", f"is required for auth_type {kind.upper()}: 1 to {KEY} bytes")
    password: str = authentication["auth_pass"]
    return kind, password


def key_of(password: str) -> bytes:
    """The eight bytes that a password of VRRPv2 amounts to."""
    return password.encode()[:KEY].ljust(KEY, b"\0")


def refuse_ah(version: int, family: int) -> None:
    """IPSEC-AH belongs to VRRPv2 over IPv4.

    :raises InvalidValue: the adverts are of another kind.
    """
    field = "authentication.auth_type"
    if family == 6:
        raise InvalidValue(field, "AH is for adverts over IPv4; keepalived sends IPv6 ones without it", "remove authentication")
    if version == 3:
        reason = "AH is of VRRPv2: VRRPv3 has no authentication (RFC 5798 section 9), and keepalived then sends without it"
        raise InvalidValue(field, reason, "version 2 on all routers, or remove authentication")


def hmac(value: Mapping[str, Any]) -> AuthHmac | None:
    """auth_hmac of an instance, if it has one.

    :raises InvalidValue: a key that cannot be used, or none, or `authentication` beside it.
    """
    given = value.get("auth_hmac")
    if given is None:
        return None
    if (value.get("authentication") or {}).get("auth_type"):
        raise InvalidValue("auth_hmac", "goes not together with authentication", "remove authentication on all routers")
    keys: dict[int, bytes] = {}
    for at, row in enumerate(given.get("key", ())):
        number = row.get("id", 0)
        if not 1 <= number <= 255:
            raise InvalidValue(f"auth_hmac.key[{at}].id", f"expected 1 to 255, got {number}")
        if number in keys:
            raise InvalidValue(f"auth_hmac.key[{at}].id", f"{number} is there twice")
        keys[number] = _key_of_row(row, f"auth_hmac.key[{at}]")
    if not keys:
        raise InvalidValue("auth_hmac.key", "expected at least one key, got none")
    active = given.get("active_key", next(iter(keys)))
    if active not in keys:
        raise InvalidValue("auth_hmac.active_key", f"there is no key {active}", f"one of {', '.join(map(str, keys))}")
    duration(given, "time_window", SECOND, LONGEST_WINDOW)
    monotonic = given.get("anti_replay") == "monotonic"
    window = 0 if monotonic else given.get("time_window")
    return AuthHmac(tuple(keys.items()), active, window, given.get("mode", "enforce"))


def refuse_unread(given: AuthHmac | None) -> None:
    """The engine has nothing to sign with where a file has not been read.

    :raises InvalidValue: there is such a key.
    """
    for number, key in given.keys if given is not None else ():
        if key == UNREAD:
            raise InvalidValue("auth_hmac.key", f"the file of key {number} has not been read")


def key_files(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and path of each key of an instance that stands in a file."""
    for at, row in enumerate((value.get("auth_hmac") or {}).get("key", ())):
        if row.get("key_file"):
            yield f"auth_hmac.key[{at}].key_file", row["key_file"]


def filled(value: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any] | None:
    """The instance with its keys out of files, by path; None where one is not known."""
    rows = []
    for row in value["auth_hmac"]["key"]:
        path = row.get("key_file")
        if path and path not in texts:
            return None
        rows.append({**row, READ: texts[path]} if path else row)
    return {**value, "auth_hmac": {**value["auth_hmac"], "key": rows}}


def text_in_file(content: bytes, field: str) -> str:
    """The key that a file holds: its text without the end of the line.

    :raises InvalidValue: it is no key.
    """
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidValue(field, "the file holds no text", "write the key as hex: and digits") from None
    _key(text, field)
    return text


def _key_of_row(row: Mapping[str, Any], field: str) -> bytes:
    path = row.get("key_file")
    if not path:
        return _key(row.get("value", ""), f"{field}.value")
    if row.get("value"):
        raise InvalidValue(f"{field}.value", "goes not together with key_file", "keep one of them")
    if not path.startswith("/"):
        raise InvalidValue(f"{field}.key_file", f"expected an absolute path, got {path!r}")
    return _key(row[READ], f"{field}.key_file") if READ in row else UNREAD


def _key(text: str, field: str) -> bytes:
    if text.startswith(FILE):
        raise InvalidValue(field, "is the key itself, not a file", "key_file names one")
    try:
        key = bytes.fromhex(text.removeprefix(HEX)) if text.startswith(HEX) else text.encode()
    except ValueError:
        raise InvalidValue(field, "expected hexadecimal digits after hex:") from None
    if not LEAST <= len(key) <= MOST:
        raise InvalidValue(field, f"expected {LEAST} to {MOST} bytes, got {len(key)}")
    return key
