"""Every type of check is known wherever types are listed."""

from __future__ import annotations

from services.checker.kinds.file import File
from services.checker.kinds.registry import KINDS
from services.checker.probes.registry import PROBES
from services.checker.service import TYPES
from services.common.values import MESSAGES


def test_every_type_has_a_probe_a_number_and_a_message() -> None:
    assert {kind.what for kind in KINDS.values()} - {File} == PROBES.keys()  # files are followed, not probed
    assert KINDS.keys() == TYPES.keys()
    assert KINDS.keys() <= {*MESSAGES["real_server"].fields_by_name}
    assert len({*TYPES.values()}) == len(TYPES)
