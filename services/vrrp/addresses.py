"""What is an address as text and as bytes, and what may be said of one that the master holds? IPv4 and IPv6.

Text is as inet_ntop(3) writes it, so that equal addresses are equal texts, whoever wrote them. `ipaddress` would cost the
engine's start more than everything else before the first advert.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
FOREVER = 0xFFFFFFFF  # a lifetime in seconds that never ends
IFA_F_NODAD, IFA_F_HOMEADDRESS = 0x02, 0x10  # linux/if_addr.h
IFA_F_MANAGETEMPADDR, IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN = 0x100, 0x200, 0x400
LENGTH = {4: 32, 6: 128}  # bits of an address by family
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_LINE_BYTES = 15  # of an interface's name, and of a label


class VirtualAddress(NamedTuple):
    """One address that the master holds.

    `dev` empty: the instance's interface; `brd`: address, "+", "-" or empty; `peer`: the other end of a point-to-point
    address, whose prefix length `prefix` then is, as keepalived has it; `flags`: IFA_F_*; `preferred_lft`: seconds;
    `track`: somebody else who removes it is noticed; `track_group`: of a static address, whose instances depend on it;
    `use_vmac`: a VMAC of its own is wanted for it (`resolve_vmac` gives it that as `dev`).
    """

    address: str
    prefix: int = 32
    dev: str = ""
    scope: int = 0
    label: str = ""
    brd: str = ""
    peer: str = ""
    flags: int = 0
    preferred_lft: int = FOREVER
    track: bool = True
    track_group: str = ""
    use_vmac: bool = False


def place(address: str, vrf: str) -> str:
    """What stands for an interface's name where adverts go and come wherever this address is; no interface is called so."""
    return f"{vrf} {address}"


def place_of(name: str) -> tuple[str, str] | None:
    """VRF (or nothing) and address of a `place`; None: it is an interface."""
    vrf, space, address = name.partition(" ")
    return (vrf, address) if space else None


def family(address: str) -> int:
    """4 or 6, of an address's text."""
    return 6 if ":" in address else 4


def packed(address: str) -> bytes:
    """The 4 or 16 bytes of text that has been checked."""
    if ":" not in address:
        return bytes(map(int, address.split(".")))
    found = _six(address)
    assert found is not None, address
    return found


def text(address: bytes) -> str:
    """4 or 16 bytes as text; nothing gives the empty text."""
    if len(address) != 16:
        return ".".join(map(str, address))
    words = [address[at] << 8 | address[at + 1] for at in range(0, 16, 2)]
    start, length = _zeros(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == 0xFFFF)):
        return ("::" if length == 6 else "::ffff:") + ".".join(map(str, address[12:]))
    if length < 2:
        return ":".join(f"{word:x}" for word in words)
    head, tail = words[:start], words[start + length :]
    return ":".join(f"{word:x}" for word in head) + "::" + ":".join(f"{word:x}" for word in tail)


def link_local(address: str) -> bool:
    """Whether it is in fe80::/10."""
    return len(address) > 4 and address[:3] in ("fe8", "fe9", "fea", "feb") and address[3] != ":" == address[4]


def parse(written: str, field: str, families: tuple[int, ...] = (4, 6)) -> str:
    """An address as text in its one form.

    :raises InvalidValue: it is none, or of another family.
    """
    found: str | None = None
    if ":" in written:
        whole = _six(written)
        found = text(whole) if whole is not None else None
    elif _four(written) is not None:
        found = ".".join(str(int(part)) for part in written.split("."))
    if found is not None and family(found) in families:
        return found
    what = "an IP address" if len(families) > 1 else f"an IPv{families[0]} address"
    raise InvalidValue(field, f"expected {what}, got {written!r}")


def multicast_group(written: str, field: str, families: tuple[int, ...] = (4, 6)) -> str:
    """A group that adverts can go to, as text in its one form.

    :raises InvalidValue: it is none, or an IPv6 one that is heard beyond the link.
    """
    group = parse(written, field, families)
    first = packed(group)
    if len(first) == 4 and first[0] & 0xF0 != 0xE0:
        raise InvalidValue(field, f"expected a multicast address (224.0.0.0/4), got {group}")
    if len(first) == 16 and (first[0] != 0xFF or first[1] & 15 != 2):
        raise InvalidValue(field, f"expected a link-local multicast address (ffX2::/16), got {group}")
    return group


def virtual_address(row: Mapping[str, Any], field: str) -> VirtualAddress:
    """One row of virtual_ipaddress.

    :raises InvalidValue: the part of it that cannot be used.
    """
    address, prefix = _with_prefix(row.get("address", ""), f"{field}.address")
    six = family(address) == 6
    dev, label, brd, peer = row.get("dev", ""), row.get("label", ""), row.get("brd", ""), row.get("peer", "")
    if dev:
        interface(dev, f"{field}.dev")
    if len(label.encode()) > _LINE_BYTES:
        raise InvalidValue(f"{field}.label", f"expected at most {_LINE_BYTES} bytes, got {label!r}")
    _refuse_of_the_other_family(row, six, field)
    if brd not in ("", "+", "-"):
        brd = parse(brd, f"{field}.brd", (4,))
    if peer:
        peer, peers_prefix = _with_prefix(peer, f"{field}.peer", family(address))
        prefix = peers_prefix
        if brd:
            raise InvalidValue(f"{field}.brd", "an address with a peer has no broadcast address")
    return VirtualAddress(
        address,
        prefix,
        dev,
        _scope(row.get("scope", "global"), f"{field}.scope"),
        label,
        brd,
        peer,
        _flags(row, six),
        _preferred(row.get("preferred_lft", ""), six and prefix == 128, f"{field}.preferred_lft"),
        not row.get("no_track", False),
        row.get("track_group", ""),
        row.get("use_vmac", False),
    )


def interface(name: str, field: str) -> str:
    """The name of an interface.

    :raises InvalidValue: it cannot be one.
    """
    if not name:
        raise InvalidValue(field, "is required: the name of a network interface")
    if len(name.encode()) > _LINE_BYTES or "/" in name or name.split() != [name]:
        raise InvalidValue(field, f"{name!r} cannot be an interface: at most 15 bytes, no space and no slash")
    return name


def _four(written: str) -> bytes | None:
    parts = written.split(".")
    if len(parts) == 4 and all(p.isascii() and p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts):
        return bytes(map(int, parts))
    return None


def _six(written: str) -> bytes | None:
    """RFC 4291 section 2.2: groups, one `::`, and perhaps a dotted end."""
    head, double, tail = written.partition("::")
    front, back = _groups(head, not double), _groups(tail, True)
    if front is None or back is None:
        return None
    missing = 16 - len(front) - len(back)
    if (double and missing < 2) or (not double and missing):
        return None
    return front + bytes(missing) + back


def _groups(written: str, last: bool) -> bytes | None:
    found = b""
    words = written.split(":") if written else []
    for at, word in enumerate(words, 1):
        if last and at == len(words) and "." in word:
            four = _four(word)
            if four is None or ".".join(map(str, four)) != word:  # no leading zeros, as inet_pton(3) has it
                return None
            found += four
        elif 1 <= len(word) <= 4 and _HEXADECIMAL.issuperset(word):
            found += int(word, 16).to_bytes(2, "big")
        else:
            return None
    return found if len(found) <= 16 else None


def _zeros(words: list[int]) -> tuple[int, int]:
    """Start and length of the first longest run of zeros."""
    best_start, best, start = -1, 0, 0
    for at, word in enumerate([*words, 1]):
        if word:
            if at - start > best:
                best_start, best = start, at - start
            start = at + 1
    return best_start, best


def _with_prefix(written: str, field: str, wanted: int = 0) -> tuple[str, int]:
    plain, slash, length = written.partition("/")
    address = parse(plain, field, (wanted,) if wanted else (4, 6))
    most = LENGTH[family(address)]
    if slash and not (length.isascii() and length.isdigit() and len(length) < 4 and 1 <= int(length) <= most):
        raise InvalidValue(field, f"expected a prefix length of 1 to {most} after the slash, got {length!r}")
    return address, int(length) if slash else most


def _refuse_of_the_other_family(row: Mapping[str, Any], six: bool, field: str) -> None:
    wrong = ("label", "brd") if six else ("home", "mngtmpaddr", "dad")
    for name in wrong:
        if row.get(name):
            reason = "an IPv6 address has none" if six else "only IPv6 addresses have that"
            raise InvalidValue(f"{field}.{name}", reason, f"remove {name}")


def _flags(row: Mapping[str, Any], six: bool) -> int:
    """An IPv6 address must be usable at once, so it is not looked for on the link first unless asked for."""
    flags = IFA_F_NODAD if six and not row.get("dad") else 0
    for name, flag in (
        ("home", IFA_F_HOMEADDRESS),
        ("mngtmpaddr", IFA_F_MANAGETEMPADDR),
        ("noprefixroute", IFA_F_NOPREFIXROUTE),
        ("autojoin", IFA_F_MCAUTOJOIN),
    ):
        if row.get(name):
            flags |= flag
    return flags


def _preferred(written: str, host: bool, field: str) -> int:
    """A /128 is deprecated unless told otherwise, as keepalived has it: no connection is to start from it."""
    if not written:
        return 0 if host else FOREVER
    if written == "forever":
        return FOREVER
    if written.isascii() and written.isdigit() and int(written) < FOREVER:
        return int(written)
    raise InvalidValue(field, f"expected a number of seconds or forever, got {written!r}")


def _scope(written: str, field: str) -> int:
    if written in SCOPES:
        return SCOPES[written]
    if written.isascii() and written.isdigit() and int(written) < 256:
        return int(written)
    raise InvalidValue(field, f"expected {', '.join(SCOPES)} or 0 to 255, got {written!r}")
