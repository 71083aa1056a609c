"""A small network of hosts and switches, in namespaces that live exactly as long as the test that made them.

Namespaces have no names: each is held by a descriptor of this process. Nothing is left over when it dies, however it
dies; several networks, and several test runs, cannot meet. Switches are bridges in a namespace of their own, so the
machine's own namespace is never touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.kit.process import Process

_ports = itertools.count(1)
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _unshare() -> None:
    if _libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET): network namespaces need root")


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _new_namespace() -> int:
    """Descriptor of a fresh network namespace; made in a thread of its own, so the caller stays where it is."""
    result: list[int | BaseException] = []

    def make() -> None:
        try:
            _unshare()
            result.append(_current())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


class Namespace:
    """One network namespace. `netns` is a path that `nsenter --net=` and `ip ... netns` take."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fd = _new_namespace()
        self.netns = f"/proc/{os.getpid()}/fd/{self._fd}"
        self._processes: list[Process] = []

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is inside; sockets made here stay here."""
        before = _current()
        try:
            _setns(self._fd)
            yield
        finally:
            _setns(before)
            os.close(before)

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        check: bool = True,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> subprocess.CompletedProcess[str]:
        """A command to its end, output as text in `.stdout` and `.stderr`.

        :raises AssertionError: it failed, and `check` is set.
        """
        words = [os.fspath(word) for word in argv]
        done = subprocess.run(
            ["nsenter", f"--net={self.netns}", "--", *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **env} if env else None,
            **more,
        )
        if check and done.returncode:
            raise AssertionError(f"{self.name}: `{' '.join(words)}` exits {done.returncode}: {done.stderr or done.stdout}")
        return done

    def ip(self, arguments: str, check: bool = True) -> str:
        """Output of `ip ARGUMENTS`, such as `a.ip("route add default via 192.168.200.1")`."""
        return self.run(["ip", *arguments.split()], check=check).stdout

    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """A program inside; ends with the network at the latest."""
        process = Process(argv, env=env, netns=self.netns, log=log, cwd=cwd)
        self._processes.append(process)
        return process

    def sysctl(self, name: str, value: object) -> None:
        """Set one of the namespace's own, such as `net.ipv4.ip_forward`."""
        with self.entered():
            Path("/proc/sys", *name.split(".")).write_text(str(value))

    def close(self) -> None:
        """End what was started here, let the namespace go."""
        for process in self._processes:
            process.__exit__(None, None, None)
        os.close(self._fd)


class Bridge:
    """A switch. Frames between its ports only; no address, no spanning tree, multicast to everybody."""

    def __init__(self, switches: Namespace, name: str, device: str) -> None:
        self.name = name
        self.device = device
        self.switches = switches
        switches.ip(f"link add {device} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        switches.ip(f"link set {device} up")


class Cable:
    """A host's connection to a switch, with the faults a cable can have."""

    def __init__(self, switches: Namespace, port: str) -> None:
        self._switches = switches
        self._port = port

    def unplug(self) -> None:
        """The host's interface loses its carrier."""
        self._switches.ip(f"link set {self._port} down")

    def plug(self) -> None:
        """The carrier is back."""
        self._switches.ip(f"link set {self._port} up")

    def cut(self) -> None:
        """No frame passes any more, in either direction; the host's interface stays up."""
        self._switches.run(["bridge", "link", "set", "dev", self._port, "state", "0"])

    def heal(self) -> None:
        """Frames pass again."""
        self._switches.run(["bridge", "link", "set", "dev", self._port, "state", "3"])


class Host(Namespace):
    """A machine on the network; loopback is up, IPv6 addresses are usable at once (no DAD)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        for scope in ("default", "all"):
            self.sysctl(f"net.ipv6.conf.{scope}.accept_dad", 0)
            self.sysctl(f"net.ipv6.conf.{scope}.accept_ra", 0)
        self.ip("link set lo up")

    def join(self, bridge: Bridge, interface: str, *addresses: str, mac: str = "") -> Cable:
        """Plug `interface` (its name inside this host) into `bridge`, with addresses such as `192.168.200.2/24`."""
        switches = bridge.switches
        port = f"p{next(_ports)}"
        hardware = f"address {mac}" if mac else ""
        self.ip(f"link add {interface} {hardware} type veth peer name {port} netns {switches.netns}")
        switches.ip(f"link set {port} master {bridge.device} up")
        self.ip(f"link set {interface} up")
        for address in addresses:
            self.ip(f"address add {address} dev {interface}")
        return Cable(switches, port)


class Net:
    """Hosts and switches; everything is gone after the `with` block."""

    def __init__(self) -> None:
        self._switches = Namespace("switches")
        self._hosts: dict[str, Host] = {}
        self._bridges: dict[str, Bridge] = {}

    def host(self, name: str) -> Host:
        """The host of this name, made at the first call."""
        if name not in self._hosts:
            self._hosts[name] = Host(name)
        return self._hosts[name]

    def bridge(self, name: str) -> Bridge:
        """The switch of this name, made at the first call."""
        if name not in self._bridges:
            self._bridges[name] = Bridge(self._switches, name, f"br{len(self._bridges)}")
        return self._bridges[name]

    def close(self) -> None:
        """End every process started on a host, then let the namespaces go."""
        with contextlib.ExitStack() as closing:
            closing.callback(self._switches.close)
            for host in self._hosts.values():
                closing.callback(host.close)

    def __enter__(self) -> Net:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
