"""Generate gen/ from protos/: messages, stubs and type stubs. `--check` compares instead and exits 1 on a difference."""

from __future__ import annotations

import filecmp
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def generate(target: Path) -> None:
    """Run protoc over every proto into `target`; exits with protoc's status when it complains."""
    protos = sorted(str(p.relative_to(ROOT / "protos")) for p in (ROOT / "protos").rglob("*.proto"))
    include = str(Path(protoc.__file__).parent / "_proto")
    options = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    status = protoc.main(["protoc", f"-I{ROOT / 'protos'}", f"-I{include}", *options, *protos])
    if status:
        sys.exit(status)
    for stub in target.rglob("*_pb2_grpc.py"):
        if "Stub" not in stub.read_text():  # a file without services gets an empty stub module
            stub.unlink()


def differences(a: Path, b: Path) -> list[str]:
    """Files that are missing or differ between two trees, by relative path."""
    names = {p.relative_to(r) for r in (a, b) for p in r.rglob("*.py*") if p.suffix in (".py", ".pyi")}
    return sorted(str(n) for n in names if not ((a / n).exists() and (b / n).exists() and filecmp.cmp(a / n, b / n, False)))


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "gen"
        fresh.mkdir()
        generate(fresh)
        if "--check" in sys.argv:
            stale = differences(fresh, ROOT / "gen")
            for name in stale:
                print(f"stale: gen/{name}; run `make gen`")
            return bool(stale)
        shutil.rmtree(ROOT / "gen", ignore_errors=True)
        shutil.copytree(fresh, ROOT / "gen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
