"""How can etcd3's messages and stubs be used with a current protobuf? Its generated modules of 2020 cannot be imported.

They hold the serialized descriptors of etcd's API all the same. These are read out of the files, which are never run, and
go into a private descriptor pool, so that nothing clashes with other users of the same names; its gRPC stubs, which need
nothing but the message classes, are run against those. `etcd3` itself is not imported.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pool, message_factory

_FILES = ("kv", "auth", "rpc")  # in order of dependence
_MARK = "  serialized_pb="


def _folder() -> Path:
    spec = importlib.util.find_spec("etcd3")
    if spec is None or spec.origin is None:
        raise ImportError("etcd3 is not installed")
    return Path(spec.origin).parent / "etcdrpc"


def _serialized(path: Path) -> bytes:
    """The descriptor in a generated file: the literal in `serialized_pb=_b('...')`."""
    with path.open(encoding="utf-8") as lines:
        line = next(line for line in lines if line.startswith(_MARK))
    literal = line.removeprefix(_MARK).strip().removesuffix(",").removeprefix("_b(").removesuffix(")")
    text: str = ast.literal_eval(literal)
    return text.encode("latin1")


def _messages(folder: Path) -> ModuleType:
    """A module with every message class of etcd's API, as protoc's `rpc_pb2` would be."""
    pool = descriptor_pool.DescriptorPool()
    for name in _FILES:
        pool.AddSerializedFile(_serialized(folder / f"{name}_pb2.py"))
    files = [f"{name}.proto" for name in _FILES]
    module = ModuleType("etcd3.etcdrpc.rpc_pb2")
    for full_name, message in message_factory.GetMessageClassesForFiles(files, pool).items():
        setattr(module, full_name.rpartition(".")[2], message)
    return module


@contextmanager
def _registered(modules: dict[str, ModuleType]) -> Iterator[None]:
    """These modules can be imported for a moment, and leave no trace."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _stubs(folder: Path, messages: ModuleType) -> ModuleType:
    spec = importlib.util.spec_from_file_location("services.common.etcd3_shim.stubs", folder / "rpc_pb2_grpc.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    package, inner = ModuleType("etcd3"), ModuleType("etcd3.etcdrpc")
    inner.rpc_pb2 = messages  # type: ignore[attr-defined]
    package.etcdrpc = inner  # type: ignore[attr-defined]
    with _registered({"etcd3": package, "etcd3.etcdrpc": inner, "etcd3.etcdrpc.rpc_pb2": messages}):
        spec.loader.exec_module(module)
    return module


rpc: Any = _messages(_folder())
"""etcd's messages: `rpc.RangeRequest`, `rpc.WatchRequest`, `rpc.KeyValue`, ..."""

stubs: Any = _stubs(_folder(), rpc)
"""etcd's stubs, for a channel of either kind of grpc: `stubs.KVStub(channel)`, `stubs.WatchStub(channel)`, ..."""
