"""What does a JSON text say, and where exactly is it wrong? Pure; knows nothing of the configuration's fields."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from services.common.errors import InvalidValue


def decode(text: bytes | str) -> Any:
    """The value of a JSON text.

    :raises InvalidValue: not UTF-8, not JSON, a repeated member, NaN or Infinity, or nested too deeply; the reason gives
        line and column where the parser knows them.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as e:
            raise InvalidValue("", f"byte {e.start} is not UTF-8; expected JSON text in UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as e:
        raise InvalidValue("", f"line {e.lineno} column {e.colno}: {e.msg[0].lower()}{e.msg[1:]}; expected JSON") from None
    except RecursionError:
        raise InvalidValue("", "nested too deeply") from None
    except ValueError as e:  # an integer of more digits than Python converts
        raise InvalidValue("", f"a number is too long: {e}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of a JSON object; a repeated one is an error, since one of its values would be lost."""
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InvalidValue(name, "given twice", "keep one of them")
            seen.add(name)
    return members


def _constant(word: str) -> NoReturn:
    raise InvalidValue("", f"{word} is not a JSON number")


def merge(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396 section 2) applied; arguments stay as they are."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def merge_patch(source: Any, target: Any) -> Any:
    """The smallest merge patch that leads from `source` to `target`; `{}` where both are equal objects.

    `merge(source, merge_patch(source, target)) == target` wherever `target` holds no null.
    """
    if not (isinstance(source, dict) and isinstance(target, dict)):
        return target
    patch: dict[str, Any] = {name: None for name in source if name not in target}
    for name, value in target.items():
        if name not in source:
            patch[name] = value
        elif source[name] != value or type(source[name]) is not type(value):
            patch[name] = merge_patch(source[name], value)
    return patch
