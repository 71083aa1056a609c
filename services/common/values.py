"""What does one value of the configuration say? JSON against the messages in protos/vipkeeper/config/v1 -> plain dict.

Answers only questions of form: which fields exist, of which type. Defaults, ranges and what fits together are the
services' settings. In a plain dict only given fields are present, durations are integer nanoseconds, enums keepalived's
word in lower case, everything else as JSON has it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from services.common import json_text
from services.common.errors import InvalidValue
from vipkeeper.config.v1 import bfd_pb2, global_pb2, server_pb2, track_pb2, vrrp_pb2

MESSAGES: Final[Mapping[str, Any]] = {  # of Descriptor
    "global": global_pb2.Global.DESCRIPTOR,
    "vrrp_instance": vrrp_pb2.VrrpInstance.DESCRIPTOR,
    "vrrp_sync_group": vrrp_pb2.VrrpSyncGroup.DESCRIPTOR,
    "vrrp_script": vrrp_pb2.VrrpScript.DESCRIPTOR,
    "track_file": track_pb2.TrackFile.DESCRIPTOR,
    "vrrp_track_process": track_pb2.VrrpTrackProcess.DESCRIPTOR,
    "static": vrrp_pb2.Static.DESCRIPTOR,
    "track_group": vrrp_pb2.TrackGroup.DESCRIPTOR,
    "garp_group": vrrp_pb2.GarpGroup.DESCRIPTOR,
    "bfd_instance": bfd_pb2.BfdInstance.DESCRIPTOR,
    "virtual_server_group": server_pb2.VirtualServerGroup.DESCRIPTOR,
    "virtual_server": server_pb2.VirtualServer.DESCRIPTOR,
    "real_server": server_pb2.RealServer.DESCRIPTOR,
}
KINDS: Final = frozenset(MESSAGES)

SECRETS: Final = frozenset(  # never shown
    f"vipkeeper.config.v1.{name}" for name in ("Authentication.auth_pass", "HmacKey.value", "SslIdentity.password")
)

_DURATION = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?s")
_QUOTED_INTEGER = re.compile(r"-?\d{1,20}")  # protobuf's JSON lets integers be quoted
_SECOND = 1_000_000_000
_INTEGERS: Final = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}

Reader = Callable[[Any], Any]


def parse(kind: str, text: bytes | str) -> dict[str, Any]:
    """The plain dict of a value as it stands in the store.

    :raises InvalidValue: not JSON, an unknown field, or a field of the wrong type.
    """
    return check(kind, json_text.decode(text))


def check(kind: str, raw: Any) -> dict[str, Any]:
    """The plain dict of an already decoded JSON value.

    :raises InvalidValue: an unknown kind, an unknown field, or a field of the wrong type.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise InvalidValue("", f"unknown kind of object {kind!r}; known are {', '.join(sorted(KINDS))}")
    value: dict[str, Any] = reader(raw)
    return value


def render(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A plain dict as JSON has it: durations as "30s". `check(kind, render(kind, v)) == v`."""
    return _render(MESSAGES[kind], value)


def _render(message: Descriptor, value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _render_field(message.fields_by_name[name], v) for name, v in value.items()}


def _render_field(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, list):
        return [_render_one(field, v) for v in value]
    return _render_one(field, value)


def _render_one(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is None:
        return value
    return render_duration(value) if _is_duration(field) else _render(field.message_type, value)


def render_duration(ns: int) -> str:
    """Nanoseconds as protobuf's JSON writes a duration: 1500000000 -> "1.5s"."""
    whole, rest = divmod(ns, _SECOND)
    return f"{whole}.{rest:09d}".rstrip("0") + "s" if rest else f"{whole}s"


# Readers: each takes a decoded JSON value and gives the plain value or raises InvalidValue. They are built once from the
# descriptors, because a large installation reads tens of thousands of values.


def _read_string(raw: Any) -> str:
    if not isinstance(raw, str):
        raise InvalidValue("", f"expected a string, got {_shown(raw)}")
    return raw


def _read_secret(raw: Any) -> str:
    if not isinstance(raw, str):
        raise InvalidValue("", "expected a string")
    return raw


def _read_bool(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise InvalidValue("", f"expected true or false, got {_shown(raw)}")
    return raw


def _read_duration(raw: Any) -> int:
    if isinstance(raw, str) and (match := _DURATION.fullmatch(raw)):
        whole, fraction = match.groups()
        return int(whole) * _SECOND + int((fraction or "0").ljust(9, "0"))
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and 0 <= raw < 10**10:
        return round(raw * _SECOND)
    raise InvalidValue("", f'expected a duration of 0 s or more, such as "30s" or "0.1s", got {_shown(raw)}')


def _integer_reader(low: int, high: int) -> Reader:
    def read(raw: Any) -> int:
        number = raw
        if (isinstance(raw, str) and _QUOTED_INTEGER.fullmatch(raw)) or (isinstance(raw, float) and raw.is_integer()):
            number = int(raw)
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise InvalidValue("", f"expected a whole number from {low} to {high}, got {_shown(raw)}")
        return number

    return read


def _enum_reader(enum: EnumDescriptor) -> Reader:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    words = {v.number: v.name.removeprefix(prefix).lower() for v in enum.values if v.number}
    known = {w: w for w in words.values()} | {(prefix + w).lower(): w for w in words.values()}

    def read(raw: Any) -> str:
        word = known.get(raw.lower().replace("-", "_")) if isinstance(raw, str) else None
        if word is None:
            raise InvalidValue("", f"expected one of {', '.join(words.values())}, got {_shown(raw)}", _guess(raw, known))
        return word

    return read


def _list_reader(one: Reader) -> Reader:
    def read(raw: Any) -> list[Any]:
        if not isinstance(raw, list):
            raise InvalidValue("", f"expected a list, got {_shown(raw)}")
        result = []
        for i, item in enumerate(raw):
            try:
                result.append(one(item))
            except InvalidValue as e:
                raise e.within(f"[{i}]") from None
        return result

    return read


def _message_reader(message: Descriptor) -> Reader:
    fields = {f.name: _field_reader(f) for f in message.fields}

    def read(raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise InvalidValue("", f"expected an object, got {_shown(raw)}")
        result = {}
        for name, item in raw.items():
            if item is None:  # as in protobuf's JSON: not given
                continue
            one = fields.get(name)
            if one is None:
                raise InvalidValue(name, "unknown field", _guess(name, fields))
            try:
                result[name] = one(item)
            except InvalidValue as e:
                raise e.within(name) from None
        return result

    return read


def _field_reader(field: FieldDescriptor) -> Reader:
    if field.full_name in SECRETS:
        return _read_secret
    if field.message_type is not None:
        one: Reader = _read_duration if _is_duration(field) else _message_reader(field.message_type)
    elif field.enum_type is not None:
        one = _enum_reader(field.enum_type)
    elif field.type in _INTEGERS:
        one = _integer_reader(*_INTEGERS[field.type])
    else:
        one = _read_bool if field.type == FieldDescriptor.TYPE_BOOL else _read_string
    return _list_reader(one) if field.is_repeated else one


def _is_duration(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == "google.protobuf.Duration"


def _shown(raw: Any) -> str:
    """The offending value, short enough for one line."""
    kinds = {dict: "an object", list: "a list", type(None): "null"}
    if type(raw) in kinds:
        return kinds[type(raw)]
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = f'"{raw}"' if isinstance(raw, str) else str(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _guess(word: Any, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word.lower(), known, 1) if isinstance(word, str) else []
    return f"did you mean {close[0]!r}?" if close else ""


_READERS: Final = {kind: _message_reader(message) for kind, message in MESSAGES.items()}
