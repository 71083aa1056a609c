"""vipctl as people and scripts call it: output, exit status, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS, main
from tests.unit.cli.test_translate import DIRECTOR, EXPECTED

GOOD = "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
UNSUPPORTED = GOOD.replace("interface eth0", "interface eth0\n notify_deleted")
REFUSED = GOOD.replace("interface eth0", "interface")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    file = tmp_path / "keepalived.conf"
    file.write_text(GOOD)
    return file


def test_help_needs_no_commands_module() -> None:
    code = "import sys; from cli.main import main; main(['--help']); print([m for m in sys.modules if m in ('grpc', 'rich')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.endswith("[]\n")
    assert all(name in run.stdout for name in COMMANDS)


def test_no_command_shows_the_help_and_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["nonsense"], ["check"], ["import", "f", "--bogus"], ["import", "f", "--store", "ftp:x"]])
def test_a_wrong_command_line_is_status_2_and_no_traceback(
    argv: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_text(GOOD)
    assert main(argv) == 2
    assert "Traceback" not in capsys.readouterr().err


class TestCheck:
    @pytest.mark.parametrize(
        ("text", "status", "line"),
        [
            (GOOD, 0, ""),
            (UNSUPPORTED, 5, ":3:2: notify_deleted in vrrp_instance is not supported yet, left out\n"),
            (REFUSED, 4, ":2:2: interface: expected an interface name after it, got nothing\n"),
            (GOOD.replace("5", "5 6"), 5, ":3:22: note: virtual_router_id: '6' is ignored; expected the end of the line\n"),
        ],
    )
    def test_lines_name_file_line_and_column(
        self, conf: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, line: str
    ) -> None:
        conf.write_text(text)
        assert main(["check", str(conf)]) == status
        out = capsys.readouterr().out
        assert out.splitlines(keepends=True)[:1] == ([f"{conf}{line}"] if line else [])

    def test_json(self, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
        conf.write_text(UNSUPPORTED)
        assert main(["check", str(conf), "--json"]) == 5
        [complaint] = json.loads(capsys.readouterr().out)["complaints"]
        assert (complaint["line"], complaint["column"], complaint["severity"]) == (3, 2, "unsupported")

    def test_a_missing_file_is_refused(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(tmp_path / "none")]) == 4
        assert "does not exist" in capsys.readouterr().out

    def test_conditions_take_the_node_or_the_config_id(self, conf: Path) -> None:
        conf.write_text(f"@lb1 nonsense\n{GOOD}")
        assert main(["check", str(conf), "--node", "lb1.example.com"]) == 5
        assert main(["check", str(conf), "--node", "lb2"]) == 0
        assert main(["check", str(conf), "--node", "lb2", "-i", "lb1"]) == 5

    @pytest.mark.parametrize(
        ("text", "status", "words"),
        [
            ('{"config/vrrp_script/a": {"script": "/a"}}', 0, ""),
            ('{"config/vrrp_script/a": {"scrpt": "/a"}}', 5, "config/vrrp_script/a: scrpt: unknown field"),
            ('{"config/nonsense/a": {}}', 5, "config/nonsense/a: no such key"),
            ('{"node/n/vrrp_script/a": {"script": "/a", "rise": 0}}', 5, "rise"),
            ('{"config/global": {}', 4, "store.json:1:21: expecting"),
        ],
    )
    def test_a_json_store(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, words: str) -> None:
        file = tmp_path / "store.json"
        file.write_text(text)
        assert main(["check", str(file), "--node", "n"]) == status
        assert words in capsys.readouterr().out


class TestImport:
    def test_a_file_becomes_a_store(self, conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        conf.write_text(DIRECTOR)
        argv = ["import", str(conf), "--node", "d1", "--store", f"file:{tmp_path}/store.json"]
        assert main(argv) == 0
        store = json.loads((tmp_path / "store.json").read_text())
        assert store == EXPECTED | {"status/d1/import": {"file": "keepalived.conf", "shared": True}}
        assert (tmp_path / "store.json").stat().st_mode & 0o777 == 0o600  # it holds passwords
        before = (tmp_path / "store.json").stat().st_mtime_ns
        assert main(argv) == 0
        assert (tmp_path / "store.json").stat().st_mtime_ns == before
        assert capsys.readouterr().out.endswith("nothing changed\n")

    @pytest.mark.parametrize(("text", "status"), [(UNSUPPORTED, 5), (REFUSED, 4), (GOOD + "}\n", 5)])
    def test_what_is_wrong_changes_nothing(self, conf: Path, tmp_path: Path, text: str, status: int) -> None:
        conf.write_text(text)
        assert main(["import", str(conf), "--store", f"file:{tmp_path}/store.json"]) == status
        assert not (tmp_path / "store.json").exists()

    def test_complaints_may_be_accepted(self, conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        conf.write_text(UNSUPPORTED)
        argv = ["import", str(conf), "--node", "d1", "--store", f"file:{tmp_path}/store.json", "--accept-complaints"]
        assert main(argv) == 0
        assert "config/vrrp_instance/V" in json.loads((tmp_path / "store.json").read_text())
        assert f"{conf}:3:2: notify_deleted" in capsys.readouterr().err

    def test_a_dry_run_prints_the_changes_and_makes_none(
        self, conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        argv = ["import", str(conf), "--node", "d1", "--store", f"file:{tmp_path}/store.json", "--dry-run"]
        assert main(argv) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith('put /vipkeeper/config/vrrp_instance/V {"interface": "eth0", "virtual_router_id": 5,')
        assert not (tmp_path / "store.json").exists()

    @pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 2}'])
    def test_a_broken_store_file_is_left_alone(
        self, conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
    ) -> None:
        (tmp_path / "store.json").write_text(text)
        assert main(["import", str(conf), "--store", f"file:{tmp_path}/store.json"]) == 1
        assert capsys.readouterr().err.startswith(f"vipctl: {tmp_path}/store.json: ")
        assert (tmp_path / "store.json").read_text() == text

    def test_a_store_that_cannot_be_written_is_one_line(self, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["import", str(conf), "--store", "file:/nonexistent/store.json"]) == 1
        assert capsys.readouterr().err == "vipctl: /nonexistent/store.json: no such file or directory\n"

    def test_an_etcd_that_does_not_answer_is_one_line(self, conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["import", str(conf), "--store", "etcd://127.0.0.1:1"]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("vipctl: ")
