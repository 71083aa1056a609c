"""The regex words of a url, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.http import Http
from services.checker.kinds.regex import Regex
from services.checker.servers import Global
from services.checker.settings import checks_of, decode_real_server, decode_virtual_server
from services.common import values
from services.common.errors import InvalidValue


def pages(check: dict[str, Any], kind: str = "http_get") -> Http:
    virtual = decode_virtual_server("v", {"address": "192.0.2.1", "port": 80, "protocol": "tcp"})
    value = values.check("real_server", {"address": "192.0.2.2", "port": 80, kind: [check]})
    (found,) = checks_of("v", virtual, "r", decode_real_server("v/r", value), Global())
    assert isinstance(found.what, Http)
    return found.what


def test_a_regex_has_options_and_offsets() -> None:
    url = {"regex": "a+", "regex_no_match": True, "regex_options": ["caseless", "utf"], "regex_min_offset": 3}
    assert pages({"url": [url, {**url, "regex_max_offset": 3}, {}]}).pages[0].regex == Regex("a+", ("caseless", "utf"), True, 3)
    assert pages({"url": [{**url, "regex_max_offset": 3}]}).pages[0].regex == Regex("a+", ("caseless", "utf"), True, 3, 3)
    assert pages({"url": [{}]}).pages[0].regex is None


def test_tls_compliant_is_the_checks_unless_the_url_says() -> None:
    urls = [{}, {"tls_compliant": False}, {"tls_compliant": True}]
    assert [p.tls_compliant for p in pages({"url": urls}, "ssl_get").pages] == [False, False, True]
    assert [p.tls_compliant for p in pages({"url": urls, "tls_compliant": True}, "ssl_get").pages] == [True, False, True]


@pytest.mark.parametrize(
    ("url", "field", "reason"),
    [
        ({"regex": "he(llo"}, "regex", "character 7, after 'he(llo': missing closing parenthesis"),
        ({"regex": "é[é"}, "regex", "character 4, after 'é[é': missing terminating ] for character class"),
        ({"regex": "*"}, "regex", "character 1: quantifier does not follow a repeatable item"),
        ({"regex": "a" * 4097}, "regex", "is longer than 4096 bytes"),
        ({"regex": "a\ud800"}, "regex", "contains half a character (a surrogate)"),
        ({"regex_no_match": True}, "regex_no_match", "has no effect without regex"),
        ({"regex_options": ["utf"]}, "regex_options", "has no effect without regex"),
        (
            {"regex": "a", "regex_min_offset": 9, "regex_max_offset": 8},
            "regex_max_offset",
            "expected at least regex_min_offset, 9, got 8",
        ),
    ],
)
def test_what_cannot_be_searched_for_is_refused_with_its_place(url: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        pages({"url": [url]})
    assert (caught.value.field, caught.value.reason) == (f"http_get[0].url[0].{field}", reason)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InvalidValue) as caught:
        pages({"url": [{"regex": "a", "regex_options": ["utf", "jit"]}]})
    assert caught.value.field == "http_get[0].url[0].regex_options[1]"
    assert caught.value.reason.endswith("use_offset_limit, utf, got 'jit'")
