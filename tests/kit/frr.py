"""FRRouting's vrrpd as the other router: VRRPv3, one macvlan for each address family of a virtual router."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.kit.netns import Host
from tests.kit.process import Process
from tests.kit.wait import until

PROGRAMS = Path("/usr/lib/frr")
MACVLANS = {4: "00:00:5e:00:01", 6: "00:00:5e:00:02"}  # RFC 9568 section 7.3, before the VRID


class Frr:
    """One virtual router on eth0 of `host`, with a virtual address (and its prefix length) for each family.

    :param folder: must be open to other users.
    """

    def __init__(self, host: Host, folder: Path, addresses: dict[int, str], vrid: int = 51) -> None:
        if not (PROGRAMS / "vrrpd").exists():
            pytest.skip("FRRouting is not installed (apt-get install frr)")
        self._host, self._addresses, self._vrid = host, addresses, vrid
        folder.mkdir(parents=True, exist_ok=True)
        self._run = Path(tempfile.mkdtemp(dir=folder))
        for path in (folder, self._run):
            path.chmod(0o777)  # its programs run as a user of their own
        for family, address in addresses.items():
            device = f"vrrp{family}"
            host.ip(f"link add {device} link eth0 type macvlan mode bridge")
            host.ip(f"link set {device} address {MACVLANS[family]}:{vrid:02x}")
            host.ip(f"address add {address} dev {device}")
            host.ip(f"link set {device} up")
        (self._run / "zebra.conf").write_text("")
        self._start("zebra")
        until((self._run / "zserv").exists, what=lambda: (self._run / "zebra.log").read_text())

    def start(self, priority: int, interval_ms: int = 200) -> Process:
        """vrrpd; ends with the network at the latest."""
        lines = ["interface eth0", f" vrrp {self._vrid} version 3", f" vrrp {self._vrid} priority {priority}"]
        lines.append(f" vrrp {self._vrid} advertisement-interval {interval_ms}")
        for family, address in self._addresses.items():
            lines.append(f" vrrp {self._vrid} {'ip' if family == 4 else 'ipv6'} {address.partition('/')[0]}")
        (self._run / "vrrpd.conf").write_text("\n".join(lines) + "\n")
        (self._run / "vrrpd.pid").unlink(missing_ok=True)
        return self._start("vrrpd")

    def holds(self, family: int) -> bool:
        """A backup's macvlan is kept down, with the address on it."""
        return "protodown on" not in self._host.ip(f"-d link show vrrp{family}")

    def _start(self, name: str) -> Process:
        run = self._run
        places = ["-f", run / f"{name}.conf", "-i", run / f"{name}.pid", "-z", run / "zserv", "--vty_socket", run, "-P", "0"]
        return self._host.start([PROGRAMS / name, *places, "--log", "stdout"], log=run / f"{name}.log")
