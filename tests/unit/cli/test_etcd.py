"""vipctl import into a real etcd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from tests.kit.etcd import Etcd
from tests.unit.cli.test_translate import DIRECTOR, EXPECTED


def test_two_directors_share_all_but_state_and_priority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d1.conf").write_text(DIRECTOR)
    (tmp_path / "d2.conf").write_text(DIRECTOR.replace("state MASTER", "state BACKUP").replace("priority 150", "priority 100"))
    with Etcd(tmp_path / "etcd") as etcd:
        for node in ("d1", "d2", "d1", "d2"):
            assert main(["import", str(tmp_path / f"{node}.conf"), "--node", node, "--store", etcd.url]) == 0
        keys = {k.removeprefix("/vipkeeper/"): json.loads(v) for k, v in etcd.keys("/vipkeeper/").items()}
    assert capsys.readouterr().out.endswith("nothing changed\nnothing changed\n")
    assert {k: v for k, v in keys.items() if not k.startswith("status/")} == EXPECTED | {
        "node/d2/vrrp_instance/VI_1": {"state": "backup", "priority": 100}
    }


def test_rubbish_in_etcd_is_one_line_naming_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d1.conf").write_text(DIRECTOR)
    with Etcd(tmp_path / "etcd") as etcd:
        etcd.put("/vipkeeper/config/global", "{")
        assert main(["import", str(tmp_path / "d1.conf"), "--store", etcd.url]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("vipctl: /vipkeeper/config/global: line 1 column 2: ")
