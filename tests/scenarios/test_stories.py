"""Every story in this folder: a script, and below `----` the transcript that the cores give in virtual time.

Commands, one a line:

    node NAME KEY=VALUE...            a machine with instance VI_1 (vrid 51, 192.168.200.16 unless given)
    set NAME INSTANCE KEY=VALUE...    a further instance, or other settings of one: a new configuration once it runs
    group NAME GROUP MEMBER...        a sync group
    script NAME SCRIPT KEY=VALUE...   a vrrp_script
    globals NAME KEY=VALUE...         config/global
    boot NAME                         a machine declared by `node ... boot=later` starts
    run TIME                          let time pass
    cut NAME, heal NAME               frames are lost; the link stays up
    unplug NAME, plug NAME            the link's carrier
    stop NAME                         a declared stop
    kill NAME, start NAME             kill -9, and a successor with the hand-over
    freeze NAME, thaw NAME            SIGSTOP and SIGCONT
    result NAME SCRIPT ok|failed      a tracking script ran
    lose NAME ADDRESS                 somebody removes an address
    maintain NAME [INSTANCE]          maintenance of an instance, or of the node
    resume NAME [INSTANCE]            it is over
    release NAME INSTANCE             a switchover: mastership is offered once

`STORIES=write pytest tests/scenarios` writes the transcripts anew: read the difference like code.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from services.vrrp.election.events import Release
from tests.kit.cluster import Cluster

STORIES = sorted(Path(__file__).parent.glob("*.story"))
LINE = re.compile(r"\s*\d+ ms  ")
UNITS = {"s": 1_000_000_000, "ms": 1_000_000}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


def value_of(text: str) -> Any:
    duration = DURATION.fullmatch(text)
    if duration:
        return int(float(duration[1]) * UNITS[duration[2]])
    return {"yes": True, "no": False}.get(text, int(text) if text.lstrip("-").isdigit() else text)


def settings(words: list[str]) -> dict[str, Any]:
    """KEY=VALUE words as the plain dict of an instance or script."""
    given: dict[str, Any] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key == "addresses":
            given["virtual_ipaddress"] = [{"address": a} for a in text.split(",")]
        elif key == "track":
            given["track_script"] = [{"name": name} for name in text.split(",")]
        elif key == "password":
            given["authentication"] = {"auth_type": "pass", "auth_pass": text}
        else:
            given[key] = value_of(text)
    return given


class Story:
    """Plays commands on a cluster."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self._later: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}

    def play(self, line: str) -> None:
        command, *words = line.split()
        getattr(self, command)(*words)

    def node(self, name: str, *words: str) -> None:
        given = settings(list(words))
        later = given.pop("boot", "") == "later"
        first = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.168.200.16"}]}
        objects = {("vrrp_instance", "VI_1"): first | given}
        if later:
            self._later[name] = objects
        else:
            self.cluster.add(name, objects)

    def _put(self, name: str, key: tuple[str, str], value: dict[str, Any]) -> None:
        if name in self._later:
            self._later[name][key] = self._later[name].get(key, {}) | value
            return
        machine = self.cluster.machines[name]
        machine.objects[key] = machine.objects.get(key, {}) | value
        self.cluster.do(name, lambda m: m.configure(self.cluster.now))

    def set(self, name: str, instance: str, *words: str) -> None:
        self._put(name, ("vrrp_instance", instance), {"interface": "eth0", **settings(list(words))})

    def group(self, name: str, group: str, *members: str) -> None:
        self._put(name, ("vrrp_sync_group", group), {"group": list(members)})

    def script(self, name: str, script: str, *words: str) -> None:
        self._put(name, ("vrrp_script", script), {"script": "/bin/true", **settings(list(words))})

    def globals(self, name: str, *words: str) -> None:
        self._put(name, ("global", ""), settings(list(words)))

    def boot(self, name: str) -> None:
        self.cluster.add(name, self._later.pop(name))

    def run(self, text: str) -> None:
        self.cluster.run(value_of(text))

    def cut(self, name: str) -> None:
        self.cluster.machines[name].connected = False

    def heal(self, name: str) -> None:
        self.cluster.machines[name].connected = True

    def unplug(self, name: str) -> None:
        self.cluster.do(name, lambda m: m.link(False, self.cluster.now))

    def plug(self, name: str) -> None:
        self.cluster.do(name, lambda m: m.link(True, self.cluster.now))

    def stop(self, name: str) -> None:
        self.cluster.do(name, lambda m: m.stop(self.cluster.now))

    def kill(self, name: str) -> None:
        self.cluster.machines[name].kill()

    def start(self, name: str) -> None:
        self.cluster.do(name, lambda m: m.start(self.cluster.now))

    def freeze(self, name: str) -> None:
        self.cluster.machines[name].frozen = True

    def thaw(self, name: str) -> None:
        self.cluster.thaw(name)

    def result(self, name: str, script: str, word: str) -> None:
        self.cluster.result(name, script, word == "ok")

    def maintain(self, name: str, instance: str = "") -> None:
        self._put(name, ("maintenance", instance), {"reason": "new kernel", "since": 1, "until": 0})

    def resume(self, name: str, instance: str = "") -> None:
        machine = self.cluster.machines[name]
        del machine.objects["maintenance", instance]
        self.cluster.do(name, lambda m: m.configure(self.cluster.now))

    def release(self, name: str, instance: str) -> None:
        self.cluster.do(name, lambda m: m.step(Release(instance, "switchover"), self.cluster.now))

    def lose(self, name: str, address: str) -> None:
        self.cluster.do(name, lambda m: m.lose(address, self.cluster.now))


def retell(text: str) -> str:
    """The story with the transcripts that come out."""
    story, told, lines = Story(), 0, []
    for line in text.splitlines():
        if LINE.match(line):
            continue
        lines.append(line)
        if line == "----":
            lines += story.cluster.transcript[told:]
            told = len(story.cluster.transcript)
        elif line and not line.startswith("#"):
            story.play(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path) -> None:
    text = path.read_text()
    retold = retell(text)
    if os.environ.get("STORIES") == "write":
        path.write_text(retold)
    else:
        assert retold == text


def test_there_are_stories() -> None:
    assert len(STORIES) > 10
