"""How do operators' orders outlive the agent? One JSON file, replaced in one step before an order is obeyed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.common.errors import InvalidValue, UnavailableError
from services.vrrp.agent.switchover import Switchover
from services.vrrp.election import orders
from services.vrrp.election.orders import Maintenance

FORMAT = 1


def load(path: Path) -> tuple[dict[str, Maintenance], list[Switchover]]:
    """Maintenance by instance, and switchovers, oldest first; nothing where there is no file.

    :raises UnavailableError: the file cannot be used.
    """
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(f"unknown format {document['format']!r}")
        maintenance = {str(name): orders.decode(str(name), row) for name, row in document["maintenance"].items()}
        switchovers = [_switchover(row) for row in document["switchovers"]]
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        raise UnavailableError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, InvalidValue) as error:
        raise UnavailableError(f"{path} holds no orders: {error!r}") from None
    return maintenance, switchovers


def save(path: Path, maintenance: Mapping[str, Maintenance], switchovers: Iterable[Switchover]) -> None:
    """Replace the file; it is on the disk when this returns.

    :raises UnavailableError: it cannot be written.
    """
    document = {
        "format": FORMAT,
        "maintenance": {name: orders.encode(order) for name, order in maintenance.items()},
        "switchovers": [order._asdict() for order in switchovers],
    }
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(json.dumps(document, indent=1, ensure_ascii=False).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise UnavailableError(f"the order cannot be kept, so nothing was done: {path}: {error.strerror}") from None


def _switchover(row: Mapping[str, object]) -> Switchover:
    order = Switchover(**row)  # type: ignore[arg-type]  # checked below
    kinds = [type(value) for value in order]
    if kinds != [str, str, str, str, int, bool, str, str, int]:
        raise ValueError(f"not a switchover: {row!r}")
    return order
