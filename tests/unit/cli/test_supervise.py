"""Children that are programs of these tests: started, printed, started again, stopped in order."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.supervise import Children, Printer
from tests.kit.process import Process
from tests.kit.wait import until, until_async

ROOT = Path(__file__).resolve().parents[3]
WAITS = """
import signal, sys, time
name, log = sys.argv[1:3]
def end(*_):
    with open(log, "a") as f: f.write(f"{name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print(f"hello from {name}", flush=True)
while True: signal.pause()
"""


def program(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


class Running:
    """Children in a task, with what they said."""

    def __init__(self, commands: dict[str, list[str]]) -> None:
        self.lines: list[str] = []
        self.stop, self.at_once = asyncio.Event(), asyncio.Event()
        self.children = Children(commands, self.lines.append)
        self.task = asyncio.create_task(self.children.run(self.stop, self.at_once))

    async def said(self, what: Callable[[str], bool], times: int = 1) -> None:
        await until_async(lambda: sum(map(what, self.lines)) >= times, what=lambda: f"said; {self.lines}")

    async def ended(self) -> int:
        self.stop.set()
        return await asyncio.wait_for(self.task, 30)


async def test_a_stop_ends_vrrp_first_and_notify_last(tmp_path: Path) -> None:
    log = tmp_path / "log"
    names = ("vrrp", "checker", "ipvs", "notify")
    running = Running({name: program(WAITS, name, log) for name in names})
    for name in names:
        await running.said(lambda line, name=name: line == f"{name}: hello from {name}")
    assert await running.ended() == 0
    order = log.read_text().split()
    assert (order[0], set(order[1:3]), order[3]) == ("vrrp", {"checker", "ipvs"}, "notify")


async def test_a_dead_child_is_started_again(tmp_path: Path) -> None:
    running = Running({"vrrp": program("import os, sys; print('born', flush=True); os._exit(3)")})
    await running.said(lambda line: line == "vrrp: born", times=2)
    await running.said(lambda line: line.startswith("vipctl: vrrp ended with status 3; started again"))
    assert await running.ended() == 0


async def test_a_signal_is_named(tmp_path: Path) -> None:
    running = Running({"ipvs": program("import os; os.kill(os.getpid(), 9)")})
    await running.said(lambda line: line.startswith("vipctl: ipvs was ended by SIGKILL; started again"))
    assert await running.ended() == 0


async def test_a_child_that_does_not_take_its_flags_ends_everything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = Running({"vrrp": program(WAITS, "vrrp", log), "checker": program("raise SystemExit(2)")})
    assert await asyncio.wait_for(running.task, 30) == 1
    assert "vipctl: checker does not take its flags; giving up" in running.lines


async def test_a_second_signal_ends_children_that_do_not_listen() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    running = Running({"vrrp": program(deaf), "notify": program(deaf)})
    for name in ("vrrp", "notify"):
        await running.said(lambda line, name=name: line == f"{name}: deaf")
    running.stop.set()
    running.at_once.set()
    assert await asyncio.wait_for(running.task, 30) == 0
    assert not [line for line in running.lines if "started again" in line]


async def test_long_lines_and_last_words_are_printed() -> None:
    running = Running({"notify": program("print('x' * 100_000, end=''); print(); print('last words', end='')")})
    await running.said(lambda line: line == "notify: last words")
    assert sum(line.count("x") for line in running.lines if line.startswith("notify: x")) >= 100_000
    assert await running.ended() == 0


def test_children_die_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from cli.supervise import Children
children = Children({{"vrrp": {program(WAITS, "vrrp", log)!r}}}, lambda line: print(line, flush=True))
asyncio.run(children.run(asyncio.Event(), asyncio.Event()))
"""
    with Process(program(parent), log=tmp_path / "out") as process:
        until(lambda: "hello from vrrp" in process.output(), what=process.output)
        process.kill()
        until(lambda: log.exists() and log.read_text() == "vrrp\n", what="the child's end")


def test_a_printer_whose_reader_does_not_read_holds_nobody_up(capfd: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    for number in range(3):
        printer(f"line {number}")
    printer.close()
    assert capfd.readouterr().out == "line 0\nline 1\nline 2\n"


def test_printing_never_waits(tmp_path: Path) -> None:
    """The pipe holds 64 KiB; nobody reads it."""
    import subprocess

    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from cli.supervise import Printer\n"
        "p = Printer()\n"
        "for i in range(30_000): p('x' * 100)\n"
        "print('done', file=sys.stderr, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    with subprocess.Popen(program(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"done\n"
        began = time.monotonic()
        process.wait(30)
        assert time.monotonic() - began < 30
        assert process.stdout is not None
        process.stdout.read()
