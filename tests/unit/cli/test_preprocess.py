"""Definitions, conditions, generators and includes, as keepalived.conf(5) has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.keepalived_conf.complaints import Position, Report, Severity
from cli.keepalived_conf.preprocess import MAX_DEPTH, lines_of, lines_of_text


def plain(text: str, instance: str = "main") -> list[str]:
    report = Report()
    found = [line.text for line in lines_of_text(text, "f", instance, report)]
    assert report.complaints == []
    return found


def complaints(text: str) -> list[tuple[int, int, Severity, str]]:
    report = Report()
    list(lines_of_text(text, "f", "main", report))
    return [(c.at.line, c.at.column, c.severity, c.message) for c in report.complaints]


def test_empty_lines_and_comments_vanish() -> None:
    assert plain("\n# c\na # b\n\n  ! d\r\nc\r\n") == ["a", "c"]


def test_parameters_are_replaced_when_used_and_recursively() -> None:
    text = "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32"
    assert plain(text) == ["10.2.0.100/32", "10.2.10.100/32"]


def test_without_braces_a_parameter_ends_at_white_space() -> None:
    assert plain("$A=1\nx $A y $A0 $A. ${A}0") == ["x 1 y $A0 $A. 10"]


def test_undefined_parameters_stay() -> None:
    assert plain("script ${UNDEF} $OTHER") == ["script ${UNDEF} $OTHER"]


def test_an_empty_parameter_leaves_nothing() -> None:
    assert plain("$A=\n$A priority 1\n$A") == ["priority 1"]


def test_conditions_compare_with_the_config_id() -> None:
    assert plain("@main a\n@backup b\n@^main c\n@^backup d") == ["a", "d"]


def test_a_condition_may_come_from_a_parameter_and_may_define() -> None:
    assert plain("$IF_MAIN=@main\n$IF_MAIN a\n@main $P=240\n@backup $P=200\npriority $P") == ["a", "priority 240"]


def test_a_definition_of_several_lines_is_used_on_a_line_of_its_own() -> None:
    text = "$I= \\\nvrrp_instance VI_${N} { \\\n  @main a \\\n  @other b \\\n}\n$N=0\n$I\n$N=1\n  $I"
    assert plain(text) == ["vrrp_instance VI_0 {", "a", "}", "vrrp_instance VI_1 {", "a", "}"]


def test_definitions_nest() -> None:
    assert plain("$RS= \\\nrs ${N} \\\nx\n$VS= \\\nvs \\\n$N=1 \\\n$RS \\\n$N=2 \\\n$RS\n$VS") == [
        "vs",
        "rs 1",
        "x",
        "rs 2",
        "x",
    ]


def test_a_first_line_after_the_equals_sign_counts() -> None:
    assert plain("$A=one \\\ntwo\n$A") == ["one", "two"]


def test_a_comment_with_a_backslash_continues_a_definition_and_a_blank_line_ends_it() -> None:
    assert plain("$A=a \\ # c\n# d \\\nb \\\n\nc\n$A") == ["c", "a", "b"]


def test_lines_of_a_definition_keep_their_own_places() -> None:
    report = Report()
    found = list(lines_of_text("$A= \\\n  one ${N}x \\\ntwo\n$N=7\n$A", "f", "", report))
    assert [(line.text, line.at) for line in found] == [("one 7x", Position("f", 2, 3)), ("two", Position("f", 3, 1))]
    assert [found[0].position(i).column for i in (0, 4, 5)] == [3, 7, 11]


def test_predefined_parameters(tmp_path: Path) -> None:
    file = tmp_path / "k.conf"
    file.write_text('pwd ${_PWD}\nid ${_INSTANCE}\nscript "a${_BANG}"\n${_HASH} gone\nx ${_HASH} gone')
    found = [line.text for line in lines_of(str(file), "d1", Report())]
    assert found == [f"pwd {tmp_path}", "id d1", 'script "a!"', "x"]


def test_sequences() -> None:
    assert plain("~SEQ(S, 0, 3) a ${S}") == ["a 0", "a 1", "a 2", "a 3"]
    assert plain("~SEQ(S, 168, 2, 172) a ${S}") == ["a 168", "a 170", "a 172"]
    assert plain("~SEQ(S, 3) a ${S}") == ["a 1", "a 2", "a 3"]
    assert plain("~SEQ(S, -2) a ${S}") == ["a -1", "a -2"]
    assert plain("~SEQx(S, 0x90, 0x10, 0xc0) fe80::20:${S}:1") == [f"fe80::20:{x}:1" for x in ("90", "a0", "b0", "c0")]
    assert plain("~SEQ(A, 1, 2) ~SEQ(B, 8, -1, 7) ${A}.${B}") == ["1.8", "1.7", "2.8", "2.7"]


def test_lists() -> None:
    assert plain("~LST(IP, 1, 2) ~LST(IP1, 5,6) ${IP}.${IP1}") == ["1.5", "1.6", "2.5", "2.6"]
    assert plain("~LST({IP, IP1}, {10,1},{20,4}) 192.168.${IP}.${IP1}") == ["192.168.10.1", "192.168.20.4"]


def test_a_generator_may_repeat_a_definition_of_several_lines() -> None:
    assert plain("$V= \\\na ${N} \\\nb\n$END=2\n~SEQ(N, 1, $END) $V") == ["a 1", "b", "a 2", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("~SEQ(1, 2) x", "expected (VARIABLE"),
        ("~SEQ(A) x", "expected (VARIABLE"),
        ("~SEQ(A, 1, 0, 5) x", "a step other than 0"),
        ("~SEQ(A, one) x", "expected a whole number, got 'one'"),
        ("~SEQ(A, 1, 2 x", "a closing parenthesis"),
        ("~LST(A) x", "at least one value"),
        ("~LST({A, B}, {1}) x", "expected 2 values"),
        ("~LST({A}, 1) x", "every list in braces"),
    ],
)
def test_a_bad_generator_is_a_mistake_where_it_stands(text: str, reason: str) -> None:
    [(line, column, severity, message)] = complaints(f"\n  {text}")
    assert (line, column, severity) == (2, 3, Severity.MISTAKE)
    assert reason in message


@pytest.mark.parametrize(
    "text",
    [
        "x" * 70_000,
        "$A=$A x\n$A",
        "$A=${B}\n$B=${A}\n${A}",
        "$A=${B}${B}\n$B=${A}${A}\n${A}",
        "$A= \\\n$A \\\n$A\n$A",
        "~SEQ(A, 1, 9999999999) x",
        "~SEQ(A, 1, 100000) ~SEQ(B, 1, 100000) @nobody x",
    ],
)
def test_what_never_ends_is_refused(text: str) -> None:
    assert [c[2] for c in complaints(text)] == [Severity.REFUSED]


def test_a_random_value_is_not_supported() -> None:
    assert complaints("priority ${_RANDOM 1 9}") == [
        (1, 10, Severity.UNSUPPORTED, "${_RANDOM}, which would differ at every reading, is not supported yet, left out")
    ]


def test_bytes_that_are_not_utf8_are_noted_outside_comments(tmp_path: Path) -> None:
    file = tmp_path / "k.conf"
    file.write_bytes(b"# \xff\nrouter_id \xff\n")
    report = Report()
    assert [line.text for line in lines_of(str(file), "", report)] == ["router_id \ufffd"]
    assert [(c.at.line, c.severity) for c in report.complaints] == [(2, Severity.NOTE)]


class TestIncludes:
    def read(self, folder: Path, text: str) -> tuple[list[str], Report]:
        (folder / "main.conf").write_text(text)
        report = Report()
        return [line.text for line in lines_of(str(folder / "main.conf"), "", report)], report

    def test_globs_and_braces_are_relative_to_the_including_file(self, tmp_path: Path) -> None:
        sub = tmp_path / "conf.d"
        sub.mkdir()
        (sub / "b.conf").write_text("b")
        (sub / "a.conf").write_text("a\ninclude c.inc")
        (sub / "c.inc").write_text("c")
        found, report = self.read(tmp_path, "include conf.d/*.conf\ninclude conf.d/{c,b}.{inc,conf}\n")
        assert found == ["a", "c", "b", "c", "b"]
        assert {c.severity for c in report.complaints} == {Severity.NOTE}  # c.conf and b.inc are not there

    def test_positions_are_those_of_the_included_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.conf").write_text("\n  x")
        (tmp_path / "main.conf").write_text("include a.conf")
        [line] = lines_of(str(tmp_path / "main.conf"), "", Report())
        assert line.at == Position(str(tmp_path / "a.conf"), 2, 3)

    @pytest.mark.parametrize(
        ("line", "severity"),
        [
            ("include none.conf", Severity.NOTE),
            ("includea none.conf", Severity.MISTAKE),
            ("includew n*.conf", Severity.MISTAKE),
        ],
    )
    def test_missing_files_are_told(self, tmp_path: Path, line: str, severity: Severity) -> None:
        _, report = self.read(tmp_path, f"\n {line}")
        [complaint] = report.complaints
        assert (complaint.at.line, complaint.at.column, complaint.severity) == (2, 2, severity)
        assert "no such file" in complaint.message

    def test_a_pattern_may_match_nothing(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "include none*.conf")[1].complaints == []

    def test_a_file_that_includes_itself_is_refused(self, tmp_path: Path) -> None:
        found, report = self.read(tmp_path, "x\ninclude main.conf")
        assert found == ["x"] * (MAX_DEPTH + 1)
        assert report.refused

    def test_executable_files_and_folders_are_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "run.sh").write_text("x")
        (tmp_path / "run.sh").chmod(0o755)
        (tmp_path / "folder").mkdir()
        found, report = self.read(tmp_path, "include run.sh\ninclude folder")
        assert found == []
        assert [c.at.line for c in report.complaints] == [1, 2]


@pytest.mark.parametrize("what", ["missing", "folder", "binary"])
def test_what_cannot_be_read_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    if what == "binary":
        path.write_bytes(b"\x7fELF\0\0")
    report = Report()
    assert list(lines_of(str(path), "", report)) == []
    assert report.refused
    assert str(path) in report.complaints[0].message
