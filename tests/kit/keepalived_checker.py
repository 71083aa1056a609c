"""Debian's keepalived as another checker: what does it say of the same servers? No kernel's table is touched."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.kit.process import Process
from tests.kit.wait import until_async

SOURCE = Path(__file__).resolve().parent.parent / "bench" / "fake_ipvs.c"
_SAID = re.compile(
    r"(?:Remote Web server|HTTP_CHECK on service|SSL_CHECK on service) \[127\.0\.0\.1\]:tcp:(\d+) (succeed|failed)"
)


def start_keepalived_checker(folder: Path, text: str) -> Process:
    """keepalived's checker with this configuration; every request to IPVS is answered by a preloaded library."""
    program = shutil.which("keepalived") or "/usr/sbin/keepalived"
    if not Path(program).exists():
        pytest.skip("keepalived is not installed (apt-get install keepalived)")
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler (apt-get install gcc)")
    library, config = folder / "fake_ipvs.so", folder / "keepalived.conf"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    config.write_text(text)
    config.chmod(0o644)
    command = [program, "--dont-fork", "--log-console", "--log-detail", "--no-syslog", "--check", "-f", str(config)]
    files = ["-p", str(folder / "pid"), "-c", str(folder / "checkers.pid")]
    return Process([*command, *files], env={"LD_PRELOAD": str(library)})


async def verdicts(process: Process, ports: Collection[int]) -> dict[int, bool]:
    """What keepalived said first of the web server on each port."""

    def found() -> dict[int, bool]:
        said: dict[int, bool] = {}
        for match in _SAID.finditer(process.output()):
            said.setdefault(int(match[1]), match[2] == "succeed")
        return said if said.keys() >= set(ports) else {}

    result: dict[int, bool] = await until_async(
        found, what=lambda: f"keepalived's verdicts; it said {process.output()[-3000:]}"
    )
    return result
