"""How does vipctl read and write a configuration store? All of it at once, from etcd or a JSON file."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.plan import Plan
from services.common import json_text
from services.common.errors import InvalidValue, StoreError
from services.common.options import Options


def read(options: Options) -> dict[str, Any]:
    """All keys relative to the prefix, with decoded values.

    :raises VipkeeperError: the store cannot be read, or holds something that is no JSON.
    """
    if options.store.startswith("file:"):
        path = Path(options.store.removeprefix("file:"))
        return read_file(path) if path.exists() else {}
    from services.common.store_etcd import get_prefix

    raw = asyncio.run(get_prefix(options))
    decoded: dict[str, Any] = {}
    for key, value in raw.items():
        try:
            decoded[key] = json_text.decode(value)
        except InvalidValue as e:
            if key.startswith(("config/", "node/")):
                raise StoreError(f"{options.prefix}{key}: {e}; correct or delete this key first") from None
    return decoded


def write(options: Options, before: Mapping[str, Any], plan: Plan) -> None:
    """Carry out a plan for a store that was `before`.

    :raises VipkeeperError: the store cannot be written.
    """
    if options.store.startswith("file:"):
        write_file(Path(options.store.removeprefix("file:")), plan.applied(before))
        return
    from services.common.store_etcd import put_all

    encoded = {key: json.dumps(value, ensure_ascii=False).encode() for key, value in plan.puts.items()}
    asyncio.run(put_all(options, encoded, plan.deletes))


def read_file(path: Path) -> dict[str, Any]:
    """A JSON store file.

    :raises StoreError: it cannot be read, or is no JSON object.
    """
    try:
        raw = json_text.decode(path.read_bytes())
    except OSError as e:
        raise StoreError(f"{path}: {(e.strerror or str(e)).lower()}") from None
    except InvalidValue as e:
        raise StoreError(f"{path}: {e}") from None
    if not isinstance(raw, dict):
        raise StoreError(f'{path}: line 1 column 1: expected one JSON object, such as {{"config/global": {{...}}}}')
    return raw


def write_file(path: Path, keys: Mapping[str, Any]) -> None:
    """Replace a JSON store file in one step; whoever reads sees the old or the new one.

    :raises StoreError: it cannot be written.
    """
    text = json.dumps(dict(sorted(keys.items())), indent=2, ensure_ascii=False) + "\n"
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as e:
        raise StoreError(f"{path}: {(e.strerror or str(e)).lower()}") from None
