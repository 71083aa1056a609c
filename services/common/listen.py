"""On which addresses may a gRPC server listen, and how is one bound without stealing it from somebody?"""

from __future__ import annotations

import errno
import ipaddress
import itertools
import os
import socket
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from services.common.errors import UnavailableError, UsageError
from services.common.options import Options

if TYPE_CHECKING:
    import grpc
    import grpc.aio

_LONGEST_PATH = 107  # sizeof(sockaddr_un.sun_path) - 1
_SOCKET_MODE = 0o660
_FOLDER_MODE = 0o750
_temporary = itertools.count()


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of the PEM files for mTLS; certificates are read again when they change."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: `path` of a unix socket, or `host` and `port` (`inode`: of the socket that was bound)."""

    path: Path | None = None
    host: str = ""
    port: int = 0
    tls: Tls | None = None
    inode: int = 0

    @property
    def target(self) -> str:
        """What a gRPC client connects to."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return self.target


def parse(text: str, options: Options) -> Address:
    """An address of `--listen`.

    :raises UsageError: it cannot be meant, or it is TCP beyond loopback without mTLS.
    """
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:")).absolute()
        if max(len(os.fsencode(path)), len(os.fsencode(_scratch(path)))) > _LONGEST_PATH:
            raise UsageError(f"--listen {text}: longer than the {_LONGEST_PATH} bytes of a socket's path; shorten --run-dir")
        return Address(path=path)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--listen: expected unix:PATH or HOST:PORT, got {text!r}")
    tls = _tls(options)
    if tls is None and not _is_loopback(host):
        raise UsageError(f"--listen {text}: TCP beyond loopback needs --tls-ca, --tls-cert and --tls-key")
    return Address(host=host, port=int(port), tls=tls)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(options: Options) -> Tls | None:
    match options.tls_ca, options.tls_cert, options.tls_key:
        case None, None, None:
            return None
        case Path() as ca, Path() as cert, Path() as key:
            tls = Tls(ca, cert, key)
            _check(tls)
            return tls
        case _:
            raise UsageError("--tls-ca, --tls-cert and --tls-key go together; at least one of them is missing")


def _check(tls: Tls) -> None:
    """gRPC accepts any bytes and fails at the first handshake; OpenSSL says now what is wrong."""
    for flag, path in (("--tls-ca", tls.ca), ("--tls-cert", tls.cert), ("--tls-key", tls.key)):
        try:
            path.read_bytes()
        except OSError as e:
            raise UsageError(f"{flag}: cannot read {path}: {e.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(tls.ca)
    except ssl.SSLError:
        raise UsageError(f"--tls-ca: {tls.ca} holds no PEM certificate") from None
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except ssl.SSLError as e:
        reason = "do not belong together" if e.reason == "KEY_VALUES_MISMATCH" else "are not a PEM certificate and key"
        raise UsageError(f"--tls-cert, --tls-key: {tls.cert} and {tls.key} {reason}") from None


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    """mTLS; the files are read again at the first handshake after they changed."""
    import grpc

    def stamp() -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns for path in (tls.ca, tls.cert, tls.key))

    def read() -> grpc.ServerCertificateConfiguration:
        pair = (tls.key.read_bytes(), tls.cert.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], tls.ca.read_bytes())

    seen = stamp()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        try:
            if (now := stamp()) == seen:
                return None
            _check(tls)
            fresh = read()
        except (OSError, UsageError):  # half written: the old ones stay in force
            return None
        seen = now
        return fresh

    fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)  # None: unchanged; the stubs forget it
    return grpc.dynamic_ssl_server_credentials(read(), fetcher, require_client_authentication=True)


def _refuse_taken(path: Path) -> None:
    """A socket that nobody answers on is a leftover and may be replaced; anything else may not."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise UnavailableError(f"{path} is in the way and no socket; remove it, or choose another --listen")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError:
            pass
    raise UnavailableError(f"{path} is in use by another process; stop that one, or choose another --run-dir or --listen")


async def bind(server: grpc.aio.Server, address: Address) -> Address:
    """Start `server` on `address`; returns it with what was chosen (port, inode).

    :raises UnavailableError: taken, or not possible now.
    """
    return await (_bind_unix(server, address, address.path) if address.path else _bind_tcp(server, address))


def _scratch(path: Path) -> Path:
    """A name beside `path` that nobody else uses."""
    return path.with_name(f".{os.getpid()}.{next(_temporary)}")


async def _bind_unix(server: grpc.aio.Server, address: Address, path: Path) -> Address:
    """Bound under another name, given its mode, then renamed: never half open, never missing during a restart.

    gRPC removes whatever has the name it binds, at the start and at the end; so that name is one nobody else uses.
    """
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        _refuse_taken(path)
        scratch = _scratch(path)
        server.add_insecure_port(f"unix:{scratch}")
        await server.start()
        scratch.chmod(_SOCKET_MODE)
        inode = scratch.lstat().st_ino
        scratch.rename(path)
    except OSError as e:
        await server.stop(None)
        raise UnavailableError(f"cannot listen on {path}: {e.strerror}; check the folder's owner and mode") from None
    except RuntimeError:
        await server.stop(None)
        raise UnavailableError(f"cannot listen on {path}; check the folder's owner and mode") from None
    return replace(address, inode=inode)


def _refuse_unbindable(address: Address) -> None:
    """gRPC does not say why it cannot bind; a socket of our own does."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen(1)
    except OSError as e:
        advice = {
            errno.EADDRINUSE: "stop the process that has it (ss -ltnp), or choose another port",
            errno.EADDRNOTAVAIL: "no interface has this address",
            errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE",
        }.get(e.errno or 0, "check --listen")
        raise UnavailableError(f"cannot listen on {address}: {e.strerror}; {advice}") from None


async def _bind_tcp(server: grpc.aio.Server, address: Address) -> Address:
    _refuse_unbindable(address)
    try:
        if address.tls is None:
            port = server.add_insecure_port(address.target)
        else:
            port = server.add_secure_port(address.target, _credentials(address.tls))
        await server.start()
    except RuntimeError:
        await server.stop(None)
        raise UnavailableError(f"cannot listen on {address}; check --listen") from None
    return replace(address, port=port)


def withdraw(address: Address) -> None:
    """Remove the unix socket, if it is still the one that was bound."""
    if address.path is None:
        return
    try:
        if address.path.lstat().st_ino == address.inode:
            address.path.unlink()
    except OSError:
        pass
