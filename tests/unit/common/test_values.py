"""Values of the configuration: their form, and complaints that name the field."""

from __future__ import annotations

from typing import Any

import pytest

from services.common import values
from services.common.errors import InvalidValue


def complaint(kind: str, text: str) -> tuple[str, str]:
    with pytest.raises(InvalidValue) as caught:
        values.parse(kind, text)
    return caught.value.field, f"{caught.value.reason} {caught.value.hint}".strip()


def test_durations_are_nanoseconds_and_enums_are_keepalived_words() -> None:
    text = '{"state": "MASTER", "advert_int": "0.1s", "interface": "eth0", "virtual_router_id": 51}'
    assert values.parse("vrrp_instance", text) == {
        "state": "master",
        "advert_int": 100_000_000,
        "interface": "eth0",
        "virtual_router_id": 51,
    }


@pytest.mark.parametrize(
    ("written", "ns"),
    [('"30s"', 30_000_000_000), ("30", 30_000_000_000), ("0.01", 10_000_000), ('"0.010s"', 10_000_000), ("0", 0)],
)
def test_a_duration_may_be_written_as_text_or_as_seconds(written: str, ns: int) -> None:
    assert values.parse("virtual_server", f'{{"delay_loop": {written}}}') == {"delay_loop": ns}


@pytest.mark.parametrize("written", ["-1", '"30"', '"-3s"', "true", "1e400", '"1.0000000001s"', "[]", '"30ms"'])
def test_what_is_no_duration_is_refused(written: str) -> None:
    field, reason = complaint("virtual_server", f'{{"delay_loop": {written}}}')
    assert (field, "expected a duration" in reason) == ("delay_loop", True)


@pytest.mark.parametrize("written", ['"wrr"', '"WRR"', '"LB_ALGO_WRR"'])
def test_an_enum_is_read_in_any_case_and_with_its_prefix(written: str) -> None:
    assert values.parse("virtual_server", f'{{"lb_algo": {written}}}') == {"lb_algo": "wrr"}


def test_an_unknown_enum_word_lists_the_known_ones_and_guesses() -> None:
    field, reason = complaint("virtual_server", '{"lb_algo": "wwr"}')
    assert field == "lb_algo"
    assert reason.startswith("expected one of rr, wrr, lc, wlc")
    assert reason.endswith("did you mean 'wrr'?")


def test_an_unknown_field_is_named_with_a_guess() -> None:
    assert complaint("vrrp_instance", '{"virtual_ip_address": []}') == (
        "virtual_ip_address",
        "unknown field did you mean 'virtual_ipaddress'?",
    )


def test_a_complaint_names_the_whole_path() -> None:
    field, reason = complaint("vrrp_instance", '{"virtual_ipaddress": [{"address": "192.0.2.1"}, {"address": 7}]}')
    assert (field, reason) == ("virtual_ipaddress[1].address", "expected a string, got 7")


@pytest.mark.parametrize("written", ["true", "1.5", "-1", '"x"', "4294967296", "{}"])
def test_what_is_no_unsigned_integer_is_refused(written: str) -> None:
    field, reason = complaint("real_server", f'{{"port": {written}}}')
    assert (field, reason.startswith("expected a whole number from 0 to 4294967295")) == ("port", True)


def test_integers_may_be_quoted_and_null_is_absent() -> None:
    assert values.parse("real_server", '{"port": "80", "weight": null}') == {"port": 80}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1 column 2"),
        ('{"port": 1,\n "port" 2}', "line 2 column 9"),
        ('{"port": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "expected an object, got a list"),
        ('{"port": ' + "9" * 5000 + "}", "a number is too long"),
    ],
)
def test_text_that_is_no_json_object_is_refused_with_its_place(text: str, reason: str) -> None:
    assert reason in complaint("real_server", text)[1]


def test_a_repeated_member_is_refused() -> None:
    assert complaint("real_server", '{"port": 1, "port": 2}') == ("port", "given twice keep one of them")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InvalidValue, match="byte 1 is not UTF-8"):
        values.parse("real_server", b'"\xff"')


def test_booleans_and_lists_are_typed() -> None:
    assert complaint("vrrp_instance", '{"nopreempt": 1}') == ("nopreempt", "expected true or false, got 1")
    assert complaint("vrrp_instance", '{"track_script": {}}') == ("track_script", "expected a list, got an object")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidValue, match="unknown kind of object 'vrrp'"):
        values.check("vrrp", {})


def test_a_long_value_is_cut_in_the_complaint() -> None:
    assert len(complaint("vrrp_instance", '{"state": "' + "x" * 1000 + '"}')[1]) < 120


def test_rendering_and_reading_again_gives_the_same() -> None:
    value = values.parse(
        "real_server",
        '{"address": "192.0.2.2", "port": 80, "delay_loop": 1.5, '
        '"http_get": [{"url": [{"path": "/a"}], "connect_timeout": "3s"}]}',
    )
    assert values.render("real_server", value)["http_get"] == [{"url": [{"path": "/a"}], "connect_timeout": "3s"}]
    assert values.check("real_server", values.render("real_server", value)) == value


@pytest.mark.parametrize("secret", [12345678, ["hunter22"], True])
@pytest.mark.parametrize("field", ["authentication.auth_pass", "auth_hmac.key[0].value"])
def test_what_was_to_be_a_secret_is_not_shown(field: str, secret: Any) -> None:
    block: Any = {"auth_pass": secret} if "pass" in field else {"key": [{"id": 1, "value": secret}]}
    with pytest.raises(InvalidValue) as refused:
        values.check("vrrp_instance", {field.partition(".")[0]: block})
    assert (refused.value.field, refused.value.reason) == (field, "expected a string")
