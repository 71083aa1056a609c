"""A real etcd for one test: its own data, its own loopback address, killed and started at will."""

from __future__ import annotations

import functools
import json
import random
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.kit.netns import Host
from tests.kit.process import Process
from tests.kit.tls import Authority
from tests.kit.wait import until

ROOT_PASSWORD = "for-root-only"


@functools.cache
def _known_flags() -> str:
    return subprocess.run(["etcd", "--help"], capture_output=True, text=True, timeout=30).stdout


def _free_address() -> str:
    """A loopback address on which nobody uses etcd's ports; out of 127/8, so parallel tests do not meet."""
    while True:
        address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        try:
            for port in (2379, 2380):
                with socket.socket() as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return address


class Etcd:
    """etcd from the distribution, started by `with` or `start()`.

    :param tls: serve TLS and demand client certificates; see `authority`.
    :param client_certificates: with TLS: demand them.
    :param host: run on this host of a test network, on `address` there.
    :param flags: further flags, such as `--auth-token-ttl=2`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: bool = False,
        client_certificates: bool = True,
        host: Host | None = None,
        address: str = "",
        flags: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder / f"etcd-{random.getrandbits(32):08x}"
        self.folder.mkdir(parents=True)
        self.address = address or _free_address()
        self.endpoint = f"{self.address}:2379"
        self.url = f"etcd://{self.endpoint}"
        self.authority = Authority(self.folder / "tls") if tls else None
        self.client = self.authority.issue("client") if self.authority else None
        self._server = self.authority.issue("server", self.address) if self.authority else None
        self._client_certificates = client_certificates
        self._host = host
        self._flags = flags
        self._name = "test"
        self._members = f"{self._name}=http://{self.address}:2380"
        self._user = ""
        self.process: Process | None = None

    def _argv(self) -> list[str]:
        scheme = "https" if self.authority else "http"
        argv = [
            *("etcd", f"--name={self._name}", f"--data-dir={self.folder / 'data'}"),
            *(f"--listen-client-urls={scheme}://{self.endpoint}", f"--advertise-client-urls={scheme}://{self.endpoint}"),
            *(f"--listen-peer-urls=http://{self.address}:2380", f"--initial-cluster={self._members}"),
            *(f"--initial-advertise-peer-urls=http://{self.address}:2380", "--logger=zap", "--log-level=warn"),
        ]
        if "--unsafe-no-fsync" in _known_flags():
            argv.append("--unsafe-no-fsync")
        if self.authority and self._server:
            argv += [f"--cert-file={self._server.certificate}", f"--key-file={self._server.key}"]
            if self._client_certificates:
                argv += ["--client-cert-auth", f"--trusted-ca-file={self.authority.ca}"]
        return [*argv, *self._flags]

    def start(self, timeout: float = 60) -> Etcd:
        """Start (again, with the data there is) and wait until it answers."""
        self.launch()
        self.wait_healthy(timeout)
        return self

    def join_as(self, name: str, members: str) -> None:
        """Be `name` of the cluster `members` (etcd's --initial-cluster); before the first start."""
        self._name, self._members = name, members

    def wait_healthy(self, timeout: float = 60) -> None:
        """Until it answers, and has a leader."""
        log = self.folder / "etcd.log"
        until(
            self._healthy,
            timeout,
            what=lambda: f"etcd answers at {self.endpoint}; its log:\n{log.read_text()[-4000:]}",
        )

    def launch(self) -> None:
        """Start without waiting."""
        log = self.folder / "etcd.log"
        if self._host is None:
            self.process = Process(self._argv(), log=log)
        else:
            self.process = self._host.start(self._argv(), log=log)

    def _healthy(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, f"etcd has ended:\n{self.process.output()[-4000:]}"
        if self.authority is None and self._host is None:
            try:
                with urllib.request.urlopen(f"http://{self.endpoint}/health", timeout=2) as answer:
                    return bool(json.load(answer)["health"] == "true")
            except OSError:
                return False
        return self._etcdctl("endpoint", "health").returncode == 0

    def kill(self) -> None:
        """kill -9; the data stays."""
        assert self.process is not None
        self.process.kill()

    def restart(self) -> None:
        """kill -9, then start with the same data at the same address."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """Forget everything; only while it does not run."""
        shutil.rmtree(self.folder / "data")

    def _etcdctl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        argv = ["etcdctl", f"--endpoints={self.endpoint}", "--dial-timeout=10s", "--command-timeout=30s"]
        if self.authority and self.client:
            argv += [f"--cacert={self.authority.ca}", f"--cert={self.client.certificate}", f"--key={self.client.key}"]
        if self._user:
            argv.append(f"--user={self._user}")
        if self._host is not None:
            argv = ["nsenter", f"--net={self._host.netns}", "--", *argv]
        return subprocess.run([*argv, *arguments], input=stdin, capture_output=True, text=True, timeout=60)

    def etcdctl(self, *arguments: str, stdin: str | None = None) -> str:
        """Output of etcdctl (as root, once `enable_auth` was called).

        :raises AssertionError: it failed.
        """
        done = self._etcdctl(*arguments, stdin=stdin)
        assert done.returncode == 0, f"etcdctl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def put(self, key: str, value: str | bytes) -> None:
        """One key, in full (`/vipkeeper/config/global`)."""
        text = value if isinstance(value, str) else value.decode()
        self.etcdctl("put", "--", key, text)

    def delete(self, key: str) -> None:
        self.etcdctl("del", "--", key)

    def get(self, key: str) -> str | None:
        """Value of a key, None if there is none."""
        lines = self.etcdctl("get", "--", key).splitlines()
        return lines[1] if lines else None

    def keys(self, prefix: str = "/") -> dict[str, str]:
        """All keys below a prefix and their values (of one line each)."""
        lines = self.etcdctl("get", "--prefix", "--", prefix).splitlines()
        return dict(zip(lines[::2], lines[1::2], strict=True))

    def status(self) -> dict[str, Any]:
        """etcd's own account of itself (`header.revision` and more)."""
        answer: dict[str, Any] = json.loads(self.etcdctl("endpoint", "status", "--write-out=json"))[0]["Status"]
        return answer

    def enable_auth(self, user: str, password: str, prefix: str = "/vipkeeper/") -> None:
        """Switch users on: root (all), and `user`, who may read and write below `prefix`."""
        self.etcdctl("user", "add", "root", "--interactive=false", stdin=f"{ROOT_PASSWORD}\n")
        self.etcdctl("user", "grant-role", "root", "root")
        self.etcdctl("role", "add", "service")
        self.etcdctl("role", "grant-permission", "service", "--prefix=true", "readwrite", prefix)
        self.etcdctl("user", "add", user, "--interactive=false", stdin=f"{password}\n")
        self.etcdctl("user", "grant-role", user, "service")
        self.etcdctl("auth", "enable")
        self._user = f"root:{ROOT_PASSWORD}"

    def change_password(self, user: str, password: str) -> None:
        self.etcdctl("user", "passwd", user, "--interactive=false", stdin=f"{password}\n")

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()

    def __enter__(self) -> Etcd:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Cluster:
    """Several members that elect a leader; each is an `Etcd`. `url` names them all."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        self.members = [Etcd(folder) for _ in range(size)]
        everybody = ",".join(f"m{i}=http://{member.address}:2380" for i, member in enumerate(self.members))
        for i, member in enumerate(self.members):
            member.join_as(f"m{i}", everybody)
        self.url = "etcd://" + ",".join(member.endpoint for member in self.members)

    def leader(self) -> Etcd:
        """The member that leads now, by its own account."""

        def find() -> Etcd | None:
            for member in self.members:
                if member.process is not None and member.process.returncode is None:
                    status = member.status()
                    if status["leader"] == status["header"]["member_id"]:
                        return member
            return None

        found = until(find, 60, "a leader")
        assert found is not None
        return found

    def __enter__(self) -> Cluster:
        for member in self.members:
            member.launch()
        for member in self.members:
            member.wait_healthy()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for member in self.members:
            member.close()
