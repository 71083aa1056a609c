"""vipctl up: how do the four services run on one machine from one file, without etcd and systemd?"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from cli import options, stores
from cli.check import is_json
from cli.keepalived_conf.complaints import Complaint, Severity
from cli.keepalived_conf.reading import config_id_of, read_conf
from cli.supervise import Children, Printer, service_command
from services.common.errors import StoreError, UnavailableError, UsageError
from services.common.inotify import FileWatch, Stamp, stamp
from services.common.options import LOG_FORMATS, LOG_LEVELS, SERVICES

SETTLED_S: Final = 0.05  # an editor may write in several steps
SHOWN: Final = 10  # complaints about an edit that is not taken
LONGEST_SOCKET: Final = 107  # bytes of a Unix socket's path


@click.command("up")
@click.option("-c", "--config", "file", required=True, type=click.Path(), help="keepalived.conf, or a JSON store file.")
@options.node
@options.config_id
@options.run_dir
@click.option(
    "--state-dir",
    envvar="VIPKEEPER_STATE_DIR",
    default="/var/lib/vipkeeper",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder of the services' state.",
)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True)
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="text", show_default=True)
def command(file: str, node: str, config_id: str | None, run_dir: str, state_dir: str, log_level: str, log_format: str) -> int:
    """Run vrrp, checker, ipvs and notify in the foreground from one file, and follow its edits.

    A broken edit changes nothing. SIGTERM or Ctrl-C is a declared stop: this node gives its addresses up. Exit status: 0
    stopped, 4 the file is refused at the start, 1 something else went wrong.
    """
    runtime = Path(run_dir).absolute()
    if len(os.fsencode(runtime / "checker.sock")) > LONGEST_SOCKET:
        raise UsageError(f"--run-dir: at most {LONGEST_SOCKET - len('/checker.sock')} bytes, because of the sockets: {runtime}")
    printer = Printer()
    source = Source(file, config_id or config_id_of(node), runtime / "config.json", printer)
    flags = ["--node", node, "--run-dir", str(runtime), "--log-level", log_level, "--log-format", log_format]
    commands = {
        service: service_command(
            service,
            *("--store", f"file:{source.target}", "--state-dir", str(Path(state_dir).absolute() / service)),
            *("--listen", f"unix:{runtime / service}.sock", *flags),
        )
        for service in SERVICES
    }
    try:
        with _alone_in(runtime):
            if not source.start():
                return 4
            return asyncio.run(_run(source, Children(commands, printer)))
    finally:
        printer.close()


async def _run(source: Source, children: Children) -> int:
    loop = asyncio.get_running_loop()
    stop, at_once = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            at_once.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    follower = asyncio.create_task(source.follow())
    try:
        return await children.run(stop, at_once)
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)


@contextlib.contextmanager
def _alone_in(run_dir: Path) -> Iterator[None]:
    """Nobody else runs in this folder.

    :raises UnavailableError: somebody does, or it cannot be made.
    """
    try:
        run_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = os.open(run_dir / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise UnavailableError(f"--run-dir {run_dir}: {(e.strerror or str(e)).lower()}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "?"
            raise UnavailableError(
                f"--run-dir {run_dir}: vipctl up runs there already (pid {holder}); stop it, or give another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


@dataclass(slots=True)
class Source:
    """The file that people edit, and the store file that the services follow."""

    file: str
    instance: str
    target: Path
    say: Callable[[str], None]
    files: tuple[str, ...] = ()
    keys: dict[str, Any] | None = None
    mistakes: Counter[str] = field(default_factory=Counter)

    def start(self) -> bool:
        """Translate the file for the first time; as keepalived does, go on without what is complained about."""
        return self._take(first=True)

    async def follow(self) -> None:
        """Translate the file again whenever it, or a file that it includes, changes."""
        while True:
            files = self.files
            stamps = _stamps(files)
            with contextlib.ExitStack() as stack:
                watches = [stack.enter_context(FileWatch(path)) for path in stamps]
                self._take(first=False)  # watched before it is read, so that no edit falls between
                if self.files == files:
                    await _first_of(watch.changed(seen) for watch, seen in zip(watches, stamps.values(), strict=True))
            while (now := _stamps(files)) != stamps:
                stamps = now
                await asyncio.sleep(SETTLED_S)

    def _take(self, first: bool) -> bool:
        """Read the file; write the store file if it may be used."""
        try:
            keys = self._keys_of_json() if is_json(self.file) else self._keys_of_conf(first)
            if keys is None:
                return False
            if keys == self.keys:
                return True
            stores.write_file(self.target, keys)
        except StoreError as e:
            self.say(f"vipctl: {e}" + ("" if first else "; the last good configuration stays in force"))
            return False
        if not first:
            self.say(f"vipctl: {self.file} was read again")
        self.keys = keys
        return True

    def _keys_of_json(self) -> dict[str, Any]:
        self.files = (self.file,)
        self.mistakes = Counter()
        return stores.read_file(Path(self.file))

    def _keys_of_conf(self, first: bool) -> dict[str, Any] | None:
        """The keys; None if the file is refused. An edit may not add mistakes to those that were there."""
        conf = read_conf(self.file, self.instance)
        self.files = conf.files or (self.file,)
        mistakes = Counter(c.message for c in conf.complaints if c.severity is Severity.MISTAKE)
        added = mistakes - self.mistakes if not first else Counter()
        fatal = [c for c in conf.complaints if c.severity is Severity.REFUSED]
        new = fatal or [c for c in conf.complaints if c.severity is Severity.MISTAKE and c.message in added]
        if fatal or (added and not first):
            self._refuse(new, "refused" if first else "the last good configuration stays in force")
            return None
        if not first and not conf.objects and self.keys:
            self.say(f"vipctl: {self.file}:1:1: holds no configuration any more; the last good one stays in force")
            return None
        if first or mistakes != self.mistakes:
            for complaint in conf.complaints:
                self.say(f"vipctl: {complaint}")
        self.mistakes = mistakes
        return dict(conf.objects)

    def _refuse(self, complaints: Sequence[Complaint], therefore: str) -> None:
        """All that is wrong, because one of them may follow from another; the last line says what comes of it."""
        *others, last = complaints[:SHOWN]
        for complaint in others:
            self.say(f"vipctl: {complaint}")
        more = f" (and {len(complaints) - SHOWN} more, see vipctl check)" if len(complaints) > SHOWN else ""
        self.say(f"vipctl: {last}{more}; {therefore}")


def _stamps(files: Iterable[str]) -> dict[Path, Stamp | None]:
    return {path: stamp(path) for path in (Path(file).absolute() for file in files)}


async def _first_of(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Return when one of them does."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
