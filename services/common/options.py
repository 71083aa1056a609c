"""Which settings does a service start with? The flags all services share, and the same as VIPKEEPER_* variables."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import UsageError

SERVICES = ("vrrp", "checker", "ipvs", "notify")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
ETCD_PORT = 2379


@dataclass(frozen=True, slots=True)
class Options:
    """How one service runs. Paths are absolute; `listen` is never empty."""

    service: str
    store: str
    node: str
    listen: tuple[str, ...]
    run_dir: Path
    state_dir: Path
    prefix: str = "/vipkeeper/"
    store_ca: Path | None = None
    store_cert: Path | None = None
    store_key: Path | None = None
    store_user: str = ""
    store_password_file: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_level: str = "info"
    log_format: str = "text"
    otlp_endpoint: str = ""
    metrics_listen: str = ""

    def socket_of(self, service: str) -> str:
        """gRPC target of another service of this node."""
        return f"unix:{self.run_dir / service}.sock"


def _parser(service: str) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog=f"python -m services.{service}", allow_abbrev=False)
    p.add_argument("--store", help="etcd://HOST:PORT[,HOST:PORT...] or file:PATH")
    p.add_argument("--store-ca", help="CA certificate of etcd (switches TLS on)")
    p.add_argument("--store-cert", help="client certificate for etcd")
    p.add_argument("--store-key", help="key of the client certificate for etcd")
    p.add_argument("--store-user", help="etcd user")
    p.add_argument("--store-password-file", help="file that holds the etcd user's password")
    p.add_argument("--prefix", help="prefix of all keys (default /vipkeeper/)")
    p.add_argument("--node", help="name of this node (default: host name)")
    p.add_argument("--listen", action="append", help="unix:PATH or HOST:PORT (TCP: loopback, or with --tls-*); repeatable")
    p.add_argument("--tls-ca", help="CA whose clients may connect by TCP")
    p.add_argument("--tls-cert", help="server certificate for TCP")
    p.add_argument("--tls-key", help="key of the server certificate")
    p.add_argument("--run-dir", help="folder of the sockets (default /run/vipkeeper)")
    p.add_argument("--state-dir", help=f"folder for state (default /var/lib/vipkeeper/{service})")
    p.add_argument("--log-level", choices=LOG_LEVELS)
    p.add_argument("--log-format", choices=LOG_FORMATS)
    p.add_argument("--otlp-endpoint", help="OpenTelemetry collector, HOST:PORT of OTLP over gRPC (default: none)")
    p.add_argument("--metrics-listen", help="HOST:PORT for Prometheus (default: none)")
    return p


def parse(service: str, argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Options:
    """Options from flags, else VIPKEEPER_<FLAG>, else defaults.

    :raises UsageError: a setting that cannot be meant.
    """
    given = vars(_parser(service).parse_args(argv))

    def setting(name: str, default: str = "") -> str:
        return given[name] or environ.get(f"VIPKEEPER_{name.upper()}", "") or default

    def path(name: str) -> Path | None:
        value = setting(name)
        return Path(value).absolute() if value else None

    store = setting("store")
    if store.startswith("etcd://"):
        parse_endpoints(store)
    elif not store.removeprefix("file:") or not store.startswith("file:"):
        raise UsageError(f"--store: expected etcd://HOST:PORT[,HOST:PORT...] or file:PATH, got {store!r}")
    run_dir = Path(setting("run_dir", "/run/vipkeeper")).absolute()
    listen = given["listen"] or environ.get("VIPKEEPER_LISTEN", "").split() or [f"unix:{run_dir / service}.sock"]
    prefix = setting("prefix", "/vipkeeper/")
    if not prefix.endswith("/"):
        prefix += "/"
    level, form = setting("log_level", "info"), setting("log_format", "text")
    if level not in LOG_LEVELS or form not in LOG_FORMATS:
        raise UsageError(f"VIPKEEPER_LOG_LEVEL is one of {', '.join(LOG_LEVELS)}; VIPKEEPER_LOG_FORMAT text or json")
    return Options(
        service=service,
        store=store,
        node=setting("node", socket.gethostname()),
        listen=tuple(listen),
        run_dir=run_dir,
        state_dir=Path(setting("state_dir", f"/var/lib/vipkeeper/{service}")).absolute(),
        prefix=prefix,
        store_ca=path("store_ca"),
        store_cert=path("store_cert"),
        store_key=path("store_key"),
        store_user=setting("store_user"),
        store_password_file=path("store_password_file"),
        tls_ca=path("tls_ca"),
        tls_cert=path("tls_cert"),
        tls_key=path("tls_key"),
        log_level=level,
        log_format=form,
        otlp_endpoint=setting("otlp_endpoint"),
        metrics_listen=setting("metrics_listen"),
    )


def parse_endpoints(store: str) -> tuple[str, ...]:
    """`HOST:PORT` of every member in `etcd://HOST:PORT[,HOST:PORT...]`; a missing port is 2379.

    :raises UsageError: it is something else.
    """
    endpoints = []
    for part in store.removeprefix("etcd://").rstrip("/").split(","):
        host, colon, port = part.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = part, str(ETCD_PORT)
        bare = host.removeprefix("[").removesuffix("]")
        bracketed = host.startswith("[") and host.endswith("]")
        if not bare or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host or (":" in bare and not bracketed):
            raise UsageError(f"--store: expected etcd://HOST:PORT[,HOST:PORT...], got {part!r} in {store!r}")
        endpoints.append(f"{host}:{port}")
    return tuple(endpoints)
