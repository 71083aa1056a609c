"""How do operators' drains outlive the service and the machine? One JSON file, replaced before an order is obeyed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from services.common.errors import UnavailableError
from services.ipvs.drain import Name, Order

FORMAT = 1


def load(path: Path) -> dict[Name, Order]:
    """Orders by server; nothing where there is no file.

    :raises UnavailableError: the file cannot be used.
    """
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(f"unknown format {document['format']!r}")
        orders = [_order(row) for row in document["drains"]]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnavailableError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise UnavailableError(f"{path} holds no orders: {error!r}") from None
    return {order.name: order for order in orders}


def save(path: Path, orders: Mapping[Name, Order]) -> None:
    """Replace the file; it is on the disk when this returns.

    :raises UnavailableError: it cannot be written.
    """
    rows = [
        {
            "virtual_server": o.name[0],
            "real_server": o.name[1],
            "reason": o.reason,
            "since": o.since,
            "deadline": o.deadline,
            "until": o.until,
            "out": o.out,
        }
        for o in orders.values()
    ]
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(json.dumps({"format": FORMAT, "drains": rows}, indent=1, ensure_ascii=False).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise UnavailableError(f"the order cannot be kept, so nothing was done: {path}: {error.strerror}") from None


def _order(row: Mapping[str, object]) -> Order:
    name = (row["virtual_server"], row["real_server"])
    values = (*name, row["reason"], row["since"], row["deadline"], row["until"], row["out"])
    if [type(value) for value in values] != [str, str, str, int, int, int, bool]:
        raise ValueError(f"not a drain: {row!r}")
    return Order(name, *values[2:])  # type: ignore[arg-type]  # checked
