"""Which keys do files hold? Reads the files that `auth_hmac` names, again when they change; the last good key of each stays.

The engine reads nothing: it gets the keys in its configuration. Its copy of that (engine.json) is where the last good keys
outlive this process. Keys are never logged, and no problem names one.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from services.common.errors import InvalidValue
from services.common.folders import Folders, Stamp, stamp
from services.common.problems import WARNING, Problem
from services.vrrp.channel import load_configuration
from services.vrrp.config.authentication import READ, filled, key_files, text_in_file

LONGEST = 4096  # bytes; a key has no more than 64
LOOK_S = 1.0  # seconds between two looks at what inotify cannot see

Id = tuple[str, str]
Value = Mapping[str, Any]
Troubled = Callable[[frozenset[Problem], frozenset[Problem]], None]


class KeyFiles:
    """The files and what they hold. `changed`: other keys are there now; `troubled`: others are the problems."""

    def __init__(self, changed: Callable[[], None], troubled: Troubled) -> None:
        self._changed = changed
        self._troubled = troubled
        self._places: dict[str, list[tuple[str, str]]] = {}  # path -> key and field of whoever names it
        self._texts: dict[str, str] = {}
        self._last: dict[Id, Value] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._woken = asyncio.Event()
        self.problems: frozenset[Problem] = frozenset()

    def recover(self, engine_json: Path) -> None:
        """The last good keys of a process before this one."""
        try:
            _revision, objects = load_configuration(str(engine_json))
        except (OSError, ValueError):
            return
        for identity, value in objects.items():
            rows = (value.get("auth_hmac") or {}).get("key", ()) if identity[0] == "vrrp_instance" else ()
            known = {row["key_file"]: row[READ] for row in rows if row.get("key_file") and READ in row}
            if known:
                self._texts.update(known)
                self._last[identity] = value

    def fill(self, objects: Mapping[Id, Value]) -> dict[Id, Value]:
        """The objects as the engine gets them: with the keys, as they last were where a file is missing, or not at all."""
        named = {identity: list(key_files(value)) for identity, value in objects.items() if identity[0] == "vrrp_instance"}
        places: dict[str, list[tuple[str, str]]] = {}
        for (_kind, name), fields in named.items():
            for field, path in fields:
                places.setdefault(path, []).append((f"config/vrrp_instance/{name}", field))
        if places != self._places:
            self._places = places
            self._woken.set()
        self._read()
        self._last = {identity: value for identity, value in self._last.items() if named.get(identity)}
        found: dict[Id, Value] = {}
        for identity, value in objects.items():
            if not named.get(identity):
                found[identity] = value
                continue
            whole = filled(value, self._texts)
            if whole is not None:
                self._last[identity] = whole
            if identity in self._last:
                found[identity] = self._last[identity]
        return found

    async def run(self) -> None:
        """Look for changes. Never returns."""
        loop = asyncio.get_running_loop()
        folders = Folders()
        if folders.fileno() >= 0:
            loop.add_reader(folders.fileno(), self._stir, folders)
        watched: set[Path] = set()
        try:
            while True:
                wanted = {Path(path).parent for path in self._places}
                for folder in watched - wanted:
                    folders.forget(folder)
                watched = {folder for folder in wanted if folders.watch(folder)}
                try:
                    async with asyncio.timeout(LOOK_S if self._places else None):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()
                if {path: stamp(Path(path)) for path in self._places} != self._stamps and self._read():
                    self._changed()
        finally:
            if folders.fileno() >= 0:
                loop.remove_reader(folders.fileno())
                folders.close()

    def _stir(self, folders: Folders) -> None:
        folders.changed()
        self._woken.set()

    def _read(self) -> bool:
        """Every file; True where a key is another one than before, or there at last."""
        self._stamps = {path: stamp(Path(path)) for path in self._places}
        texts: dict[str, str] = {}
        problems: set[Problem] = set()
        for path, places in self._places.items():
            try:
                texts[path], open_to_all = _text(path)
            except (OSError, InvalidValue) as error:
                reason = error.reason if isinstance(error, InvalidValue) else f"{path}: {error.strerror}"
                known = path in self._texts
                hint = "the last good key stays" if known else "there is none from before: the instance waits for it"
                problems |= {Problem(key, field, reason, hint) for key, field in places}
            else:
                hint = f"chmod o= {path}"
                problems |= _warnings(places, hint) if open_to_all else set()
        before, self.problems = self.problems, frozenset(problems)
        if before != self.problems:
            self._troubled(before, self.problems)
        new = any(self._texts.get(path) != text for path, text in texts.items())
        self._texts = {path: text for path, text in self._texts.items() if path in self._places} | texts
        return new


def _warnings(places: Iterable[tuple[str, str]], hint: str) -> set[Problem]:
    return {Problem(key, field, "everybody on this machine may read the key", hint, WARNING) for key, field in places}


def _text(path: str) -> tuple[str, bool]:
    """The key in a file, and whether everybody may read it.

    :raises OSError: it cannot be read.
    :raises InvalidValue: it holds no key.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise InvalidValue("key_file", f"{path} is no file")
        return text_in_file(os.read(descriptor, LONGEST), "key_file"), bool(mode & stat.S_IROTH)
    finally:
        os.close(descriptor)
