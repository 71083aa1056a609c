"""The two rules of the layout: cores import nothing that can wait; only adapters import the big libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

CORES = {
    "common": "errors problems batch json_text desired etcd_events file_number judges",
    "vrrp": "addresses views",
    "vrrp/agent": "explain firewall history placement split_brain switchover",
    "vrrp/bfd": "packet session sessions settings views",
    "vrrp/config": "*",
    "vrrp/election": "*",
    "vrrp/links": "plan vmac",
    "vrrp/routing": "encap iproute routes routing rules",
    "vrrp/runner": "census",
    "vrrp/wire": "adverts ah packet trailer",
    "checker": "fields hpack http2 pcre2 streak schedule pool probing servers settings sharing",
    "checker/kinds": "*",
    "ipvs": "model fields groups globals sync reconcile policy weights settings drain claims director",
    "notify": "order retry render settings",
}
CORE_FILES = [
    path
    for folder, names in CORES.items()
    for name in names.split()
    for path in (ROOT / "services" / folder).glob(f"{name}.py")
]
PURE = {
    "__future__", "abc", "bisect", "collections", "dataclasses", "difflib", "enum", "functools", "heapq", "hashlib",
    "ipaddress", "itertools", "json", "math", "operator", "re", "shlex", "string", "struct", "types", "typing", "urllib",
    "zlib",
}  # fmt: skip
PURE_IN = {"pcre2": {"ctypes"}}  # a library of the system that does what `re` does
BIG = {"grpc", "pyroute2", "etcd3", "opentelemetry"}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.startswith("services"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_core_imports_only_pure_modules_and_other_cores(path: Path) -> None:
    cores = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in CORE_FILES}
    packages = {name.rpartition(".")[0] for name in cores} | {"services"}
    foreign = {
        name
        for name in imported(path)
        if name.split(".")[0] not in PURE | PURE_IN.get(path.stem, set())
        and name not in cores
        and name not in packages
        and name.rpartition(".")[0] not in cores  # a name out of a core
    }
    assert foreign == set()


def test_only_adapters_import_the_big_libraries() -> None:
    adapters = {
        "common": {
            *("serve", "listen", "events", "problem_service", "telemetry", "telemetry_otlp", "telemetry_prometheus"),
            *("store_etcd", "etcd_client", "etcd_lease", "etcd3_shim"),
        },
        "vrrp/agent": {"process", "operations", "service"},
        "checker": {"agent", "service", "report"},
        "ipvs": {"operations", "runtime", "service", "vrrp_watch"},
        "notify": {"runtime", "service"},
    }
    offenders = {
        f"{path.parent.name}/{path.stem}: {name}"
        for path in (ROOT / "services").rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in BIG and path.stem not in adapters.get(str(path.parent.relative_to(ROOT / "services")), set())
    }
    assert offenders == set()


def test_the_engine_loads_nothing_that_can_wait() -> None:
    program = "import services.vrrp.engine.process, sys; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) & (BIG | {"asyncio", "google", "uvloop", "vipkeeper", "subprocess", "threading", "ssl"}) == set()


def test_generated_code_is_fresh() -> None:
    done = subprocess.run([sys.executable, "tools/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
