"""What does ipvsadm say of the table? An independent judge of what we write, in its own words (`ipvsadm -Sn`)."""

from __future__ import annotations

import ipaddress
import subprocess

from services.ipvs.model import HOST_BITS, INET, INET6, UDP, Destination, Method, Service, ServiceKey, Table, Tunnel

METHODS = {Method.NAT: "-m", Method.DR: "-g", Method.TUN: "-i"}
FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}  # ipvsadm does not tell their third
CHECKSUMS = ("--tun-nocsum", "--tun-csum", "--tun-remcsum")


def saved() -> list[str]:
    """The table of this thread's network namespace, one line each, sorted."""
    done = subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True, check=True)
    return sorted(line.strip() for line in done.stdout.splitlines())


def ipvsadm(rules: str) -> None:
    """Apply lines as `ipvsadm -S` prints them; one fork, however many."""
    done = subprocess.run(["ipvsadm", "-R"], input=rules, text=True, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def clear() -> None:
    """Empty the table of this thread's network namespace."""
    subprocess.run(["ipvsadm", "-C"], check=True)


def thresholds() -> dict[str, tuple[int, int]]:
    """Upper and lower threshold by server, where there are any; `ipvsadm -S` does not tell them."""
    done = subprocess.run(["ipvsadm", "-Ln", "--thresholds"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  -> 1")]
    return {row[1]: (int(row[2]), int(row[3])) for row in rows if row[2] != "0"}


def as_saved(table: Table) -> list[str]:
    """What `saved` gives when the kernel has just this table."""
    lines = []
    for entry in table.values():
        lines.append(_service(entry.service))
        lines += [_destination(entry.service.key, d) for d in entry.destinations.values()]
    return sorted(lines)


def _name(key: ServiceKey) -> str:
    if key.fwmark:
        return f"-f {key.fwmark}" + (" -6" if key.family == INET6 else "")
    return (
        f"{'-u' if key.protocol == UDP else '-t' if key.protocol == 6 else '--sctp-service'} {_endpoint(key.address, key.port)}"
    )


def _endpoint(address: bytes, port: int) -> str:
    text = str(ipaddress.ip_address(address))
    return f"[{text}]:{port}" if len(address) == 16 else f"{text}:{port}"


def _service(s: Service) -> str:
    text = f"-A {_name(s.key)} -s {s.scheduler}"
    if s.persistence:
        text += f" -p {s.persistence}"
        if s.netmask != HOST_BITS[s.key.family]:
            mask = ipaddress.ip_network(f"0.0.0.0/{s.netmask}").netmask if s.key.family == INET else s.netmask
            text += f" -M {mask}"
    if s.engine:
        text += f" --pe {s.engine}"
    if s.ops:
        text += " -o"
    words = [w for i, w in enumerate(FLAGS.get(s.scheduler, ("flag-1", "flag-2", "flag-3"))) if s.scheduler_flags >> i & 1]
    return text + (f" -b {','.join(words)}".rstrip() if s.scheduler_flags else "")


def _destination(key: ServiceKey, d: Destination) -> str:
    text = f"-a {_name(key)} -r {_endpoint(d.key.address, d.key.port)} {METHODS[d.method]} -w {d.weight}"
    if d.method is Method.TUN:
        text += f" --tun-type {d.tunnel.name.lower()}"
        if d.tunnel is Tunnel.GUE:
            text += f" --tun-port {d.tunnel_port}"
        if d.tunnel is not Tunnel.IPIP:
            text += f" {CHECKSUMS[d.tunnel_flags]}"
    return text
