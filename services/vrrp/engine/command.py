"""How is an engine started? Its command line."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` would cost the service's start as much as all that is done here
if TYPE_CHECKING:
    from collections.abc import Sequence


def engine_command(
    python: str, control: int, handover: int, config: str, orphan: str = "release", more: Sequence[str] = ()
) -> list[str]:
    """The command line of an engine; `control` and `handover` are descriptors that must be inheritable.

    `config` is the path of engine.json (may be missing), `orphan` is "release" or "leave" (see `services.vrrp.channel`).
    """
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "process.py")
    arguments = ["--control", str(control), "--handover", str(handover), "--config", config, "--orphan", orphan]
    return [python, "-I", "-S", script, *arguments, *more]
