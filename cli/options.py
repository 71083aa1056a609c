"""Which flags do several commands share? Store, node and run directory, also from VIPKEEPER_* in the environment."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

import click

from services.common import options

DEFAULT_STORE: Final = "etcd://127.0.0.1:2379"
_STORE_FLAGS: Final = ("store_ca", "store_cert", "store_key", "store_user", "store_password_file", "prefix")


def node(command: Callable[..., Any]) -> Callable[..., Any]:
    """--node."""
    return click.option(
        "--node", envvar="VIPKEEPER_NODE", default=socket.gethostname, help="Name of the node (default: host name)."
    )(command)


def run_dir(command: Callable[..., Any]) -> Callable[..., Any]:
    """--run-dir."""
    return click.option(
        "--run-dir",
        envvar="VIPKEEPER_RUN_DIR",
        default="/run/vipkeeper",
        show_default=True,
        type=click.Path(file_okay=False),
        help="Folder of the services' sockets.",
    )(command)


def config_id(command: Callable[..., Any]) -> Callable[..., Any]:
    """--config-id."""
    return click.option(
        "-i", "--config-id", help="What @ID lines compare with (default: the node's name up to its first dot)."
    )(command)


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def store(command: Callable[..., Any]) -> Callable[..., Any]:
    """--store and what etcd needs."""
    for decorate in (
        click.option("--prefix", envvar="VIPKEEPER_PREFIX", help="Prefix of all keys (default: /vipkeeper/)."),
        click.option("--store-password-file", envvar="VIPKEEPER_STORE_PASSWORD_FILE", help="File with the etcd password."),
        click.option("--store-user", envvar="VIPKEEPER_STORE_USER", help="etcd user."),
        click.option("--store-key", envvar="VIPKEEPER_STORE_KEY", help="Key of the client certificate."),
        click.option("--store-cert", envvar="VIPKEEPER_STORE_CERT", help="Client certificate for etcd."),
        click.option("--store-ca", envvar="VIPKEEPER_STORE_CA", help="CA certificate of etcd (switches TLS on)."),
        click.option(
            "--store",
            envvar="VIPKEEPER_STORE",
            default=DEFAULT_STORE,
            show_default=True,
            help="etcd://HOST:PORT[,HOST:PORT...] or file:PATH.",
        ),
    ):
        command = decorate(command)
    return command


def store_options(node_name: str, flags: dict[str, Any]) -> options.Options:
    """The shared flags as the services have them.

    :raises UsageError: a store that cannot be meant.
    """
    argv = ["--store", flags["store"], "--node", node_name]
    for name in _STORE_FLAGS:
        if flags.get(name):
            argv += [f"--{name.replace('_', '-')}", flags[name]]
    return options.parse("vipctl", argv)
