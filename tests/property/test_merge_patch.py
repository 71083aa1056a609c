"""JSON merge patches (RFC 7396)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.common.json_text import merge, merge_patch

SCALAR = st.one_of(st.booleans(), st.integers(), st.text(max_size=3))
WITHOUT_NULL = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=8,
)


@given(WITHOUT_NULL, WITHOUT_NULL)
def test_applying_the_patch_between_two_values_gives_the_second(source: Any, target: Any) -> None:
    assert merge(source, merge_patch(source, target)) == target


@given(st.dictionaries(st.text(max_size=2), WITHOUT_NULL))
def test_between_equal_objects_there_is_nothing_to_patch(value: dict[str, Any]) -> None:
    assert merge_patch(value, dict(value)) == {}


def test_the_examples_of_the_rfc() -> None:
    assert merge({"a": "b"}, {"a": "c"}) == {"a": "c"}
    assert merge({"a": "b", "b": "c"}, {"a": None}) == {"b": "c"}
    assert merge({"a": [{"b": "c"}]}, {"a": [1]}) == {"a": [1]}
    assert merge(["a", "b"], ["c", "d"]) == ["c", "d"]
    assert merge({"a": "foo"}, None) is None
    assert merge([1, 2], {"a": "b", "c": None}) == {"a": "b"}
    assert merge({}, {"a": {"bb": {"ccc": None}}}) == {"a": {"bb": {}}}
