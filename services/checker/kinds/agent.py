"""agent_check: an agent beside the server says how it is, in the words of HAProxy's agent-check. Beyond keepalived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue

LONGEST_SENT: Final = 1000


@dataclass(frozen=True, slots=True)
class Agent(What):
    """One question to an agent. `send`: what it is told first, empty: nothing; `weight`: the server's, of which it may take
    a share; `required`: an agent that does not answer counts as a failure."""

    target: Target
    weight: int
    send: str = ""
    required: bool = False

    def __str__(self) -> str:
        return f"agent {self.target}"

    @property
    def weighs(self) -> bool:
        return True


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    if "connect_port" not in value:
        raise InvalidValue("connect_port", "is missing; expected the agent's port")
    send = value.get("send", "")
    if len(send) > LONGEST_SENT or any("\ud800" <= letter <= "\udfff" for letter in send):
        raise InvalidValue("send", f"expected a text of at most {LONGEST_SENT} characters")


def _make(value: Mapping[str, Any], around: Around) -> Agent:
    return Agent(
        target=target_of(value, around),
        weight=around.virtual.weight if around.real.weight is None else around.real.weight,
        send=value.get("send", ""),
        required=value.get("required", False),
    )


KIND = Kind(Agent, _validate, _make, retry=0)
