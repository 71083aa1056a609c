"""What do the unit files promise, before anything runs? Read with systemd's own analyser, without a running systemd."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from services.common.options import SERVICES

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
MOST_EXPOSURE = 3.0


def settings(unit: Path) -> dict[str, list[str]]:
    """Every setting of a unit file and its values, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def unit_of(service: str) -> Path:
    return UNITS / f"vipkeeper-{service}.service"


@pytest.mark.parametrize("service", SERVICES)
def test_each_unit_is_exposed_at_most_3_0(service: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit_of(service)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stdout
    assert float(exposure[1]) <= MOST_EXPOSURE, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_each_unit_is_watched_restarted_and_unprivileged(service: str) -> None:
    unit = settings(unit_of(service))
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert "WatchdogSec" in unit
    assert unit["User"] == [f"vipkeeper-{service}"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"]
    assert unit["StateDirectory"] == [f"vipkeeper/{service}"]


def test_systemd_understands_every_setting() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *sorted(UNITS.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if line.startswith(("vipkeeper", str(UNITS)))]
    # The program is installed elsewhere or not at all here.
    assert [line for line in complaints if "is not executable" not in line] == []


def test_only_vrrp_may_become_real_time_and_only_by_asking() -> None:
    for service in SERVICES:
        unit = settings(unit_of(service))
        assert not {"CPUSchedulingPolicy", "CPUSchedulingPriority", "Nice"} & unit.keys()
        assert ("LimitRTPRIO" in unit) == (service == "vrrp")
        assert (unit.get("RestrictRealtime") == ["yes"]) == (service != "vrrp")


def test_the_target_wants_all_four_and_they_belong_to_it() -> None:
    wanted = settings(UNITS / "vipkeeper.target")["Wants"][0].split()
    assert sorted(wanted) == sorted(unit_of(service).name for service in SERVICES)
    for service in SERVICES:
        assert settings(unit_of(service))["PartOf"] == ["vipkeeper.target"]


def test_no_service_waits_for_etcd_or_the_network_at_boot() -> None:
    for service in SERVICES:
        after = " ".join(settings(unit_of(service))["After"])
        assert not re.search(r"etcd|network-online", after)
