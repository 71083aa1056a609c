"""What does a keepalived.conf say, and may it be used? The whole way from a path to checked keys and complaints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cli.judge import judge
from cli.keepalived_conf.complaints import Complaint, HopelessError, Position, Report, Severity
from cli.keepalived_conf.lexer import Line
from cli.keepalived_conf.preprocess import lines_of, lines_of_text
from cli.keepalived_conf.translate import Translation, translate
from services.common.problems import Problem


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration as one node has it: {key: JSON value}, empty if it is refused, and all complaints in file order."""

    objects: Mapping[str, Mapping[str, Any]]
    complaints: tuple[Complaint, ...] = field(default=())
    exit_status: int = 0
    unshown: int = 0
    files: tuple[str, ...] = ()

    @property
    def importable(self) -> bool:
        """Nothing was left out of it."""
        return all(c.severity is Severity.NOTE for c in self.complaints)


def config_id_of(node: str) -> str:
    """keepalived's configuration id of a node: the first label of its name."""
    return node.partition(".")[0]


def read_conf(path: str, instance: str) -> Configuration:
    """The keepalived.conf at `path`. `instance` is what `@id` compares with. Never raises for what is in the file."""
    report = Report()
    opened: list[str] = []
    found = _read(lines_of(path, instance, report, opened), path, report)
    return replace(found, files=tuple(dict.fromkeys(opened)))


def read_text(text: str, shown: str = "keepalived.conf", instance: str = "") -> Configuration:
    """A keepalived.conf given as text, called `shown` in complaints."""
    report = Report()
    return _read(lines_of_text(text, shown, instance, report), shown, report)


def _read(lines: Iterable[Line], path: str, report: Report) -> Configuration:
    try:
        translation = translate(lines, report)
    except HopelessError:
        report.worst = Severity.REFUSED
        nonsense = Complaint(
            Position(path, 1, 1), Severity.REFUSED, "this is no keepalived.conf: hardly a line can be understood"
        )
        return Configuration({}, (nonsense, *report.complaints), report.exit_status)
    verdict = judge(translation.objects)
    for problem in verdict.refused:
        report.mistake(_place(translation, problem, path), f"{_in_words(problem)}; {_of_key(problem.key)} is left out")
    for problem in verdict.lost:
        report.mistake(_place(translation, problem, path), _in_words(problem))
    for problem in verdict.doubts:
        report.note(_place(translation, problem, path), _in_words(problem))
    _drop_orphans(verdict.accepted)
    complaints = tuple(sorted(report.complaints, key=lambda c: (c.at.file != path, c.at)))
    objects = {} if report.refused else verdict.accepted
    return Configuration(objects, complaints, report.exit_status, report.unshown)


def _drop_orphans(objects: dict[str, dict[str, Any]]) -> None:
    """Real servers go with their virtual server."""
    for key in [k for k in objects if k.startswith("config/real_server/")]:
        if f"config/virtual_server/{key.split('/')[2]}" not in objects:
            del objects[key]


def _place(translation: Translation, problem: Problem, path: str) -> Position:
    return translation.position(problem.key, problem.field) or Position(path, 1, 1)


def _of_key(key: str) -> str:
    kind, _, name = key.removeprefix("config/").partition("/")
    return f"{kind} {name}".strip()


def _in_words(problem: Problem) -> str:
    name = f"{problem.field}: " if problem.field else ""
    return f"{name}{problem.reason}" + (f" ({problem.hint})" if problem.hint else "")
