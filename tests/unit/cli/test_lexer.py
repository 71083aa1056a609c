"""Words, braces, quotes, comments, and where they stand."""

from __future__ import annotations

import pytest

from cli.keepalived_conf.complaints import Position, Report
from cli.keepalived_conf.lexer import Line, Piece, line_at, without_comment, words

AT = Position("f", 3, 1)


def split(text: str) -> list[tuple[str, int, bool, bool]]:
    return [(w.text, w.at.column, w.quoted, w.brace) for w in words(line_at(text, AT), Report())]


def test_words_keep_their_columns() -> None:
    assert split("  priority\t100") == [("priority", 3, False, False), ("100", 12, False, False)]


def test_braces_split_words_and_stand_for_themselves() -> None:
    assert split("group{VI_1}") == [
        ("group", 1, False, False),
        ("{", 6, False, True),
        ("VI_1", 7, False, False),
        ("}", 11, False, True),
    ]


def test_braces_in_quotes_are_characters() -> None:
    assert split('"/a{b} c" }') == [("/a{b} c", 1, True, False), ("}", 11, False, True)]


def test_a_quoted_brace_is_no_brace() -> None:
    word = next(iter(words(line_at('"{"', AT), Report())))
    assert (word.text, word.is_brace("{")) == ("{", False)


def test_quotes_may_begin_and_end_within_a_word() -> None:
    assert split('abcd" efg h jkl "mnop') == [("abcd efg h jkl mnop", 1, True, False)]


def test_a_backslash_keeps_a_quote_within_quotes() -> None:
    assert split(r'"a \"b\" c" d') == [('a "b" c', 1, True, False), ("d", 13, False, False)]


def test_an_undefined_parameter_in_braces_is_one_word() -> None:
    assert split("a ${B}c {") == [("a", 1, False, False), ("${B}c", 3, False, False), ("{", 9, False, True)]


def test_single_quotes_are_characters() -> None:
    assert [w[0] for w in split("'a b'")] == ["'a", "b'"]


def test_a_no_break_space_is_part_of_a_word_as_for_keepalived() -> None:
    assert [w[0] for w in split("priority\u00a0100")] == ["priority\u00a0100"]


@pytest.mark.parametrize("text", ['a "b', '"', 'x "y\\', 'a "b\\"'])
def test_a_quote_that_is_not_closed_is_refused_where_it_opens(text: str) -> None:
    report = Report()
    list(words(line_at(text, AT), report))
    assert [c.at for c in report.complaints] == [Position("f", 3, text.index('"') + 1)]
    assert report.refused


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a b # c", "a b"),
        ("k@l!ve1", "k@l"),
        ("# a", ""),
        ('"a # b" ! c', '"a # b"'),
        ('"a \\" # b" # c', '"a \\" # b"'),
        ("a \\# b", "a \\"),
        ("plain", "plain"),
    ],
)
def test_comments_begin_anywhere_outside_double_quotes(text: str, kept: str) -> None:
    assert without_comment(line_at(text, AT)).text == kept


def test_a_line_of_pieces_knows_where_each_character_comes_from() -> None:
    line = Line(
        (Piece("ab", Position("f", 1, 1)), Piece("XY", Position("f", 1, 3), fixed=True), Piece("c", Position("f", 1, 7))), AT
    )
    assert line.text == "abXYc"
    assert [line.position(i).column for i in range(6)] == [1, 2, 3, 3, 7, 8]
    assert line.cut(1, 4).text == "bXY"
    assert [p.at.column for p in line.cut(1, 4).pieces] == [2, 3]
    assert line.cut(3).text == "Yc"


def test_an_empty_line_has_a_place() -> None:
    assert Line((), AT).position(4) == AT
