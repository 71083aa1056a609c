"""vipctl genhash: which digest does a page have, as HTTP_GET and SSL_GET compute it?"""

from __future__ import annotations

import hashlib
import socket
import ssl

import click

from services.common.errors import UnavailableError

MAX_PAGE = 64 << 20
MAX_HEAD = 1 << 20


@click.command("genhash")
@click.option("-s", "--server", required=True, help="Address or name of the server.")
@click.option("-p", "--port", required=True, type=click.IntRange(1, 65535), help="Its port.")
@click.option("-u", "--url", required=True, help="Path of the page, such as /test.html.")
@click.option("-S", "--use-ssl", is_flag=True, help="Use TLS; certificates are not verified, as by the check.")
@click.option("-I", "--use-sni", is_flag=True, help="Send SNI: the virtual host.")
@click.option("-V", "--use-virtualhost", "virtualhost", help="Host header (default: ADDRESS:PORT).")
@click.option("-P", "--protocol", type=click.Choice(["1.0", "1.0c", "1.1"], case_sensitive=False), default="1.0")
@click.option("-t", "--timeout", type=click.FloatRange(0.001), default=5.0, show_default=True, help="Seconds for each step.")
@click.option("-m", "--fwmark", type=click.IntRange(1, 2**32 - 1), help="Firewall mark of the packets (needs root).")
@click.option("-v", "--verbose", is_flag=True, help="Print the header too.")
def command(
    server: str,
    port: int,
    url: str,
    use_ssl: bool,
    use_sni: bool,
    virtualhost: str | None,
    protocol: str,
    timeout: float,
    fwmark: int | None,
    verbose: bool,
) -> int:
    """Print the MD5 of a page, for the keyword `digest`. Takes what keepalived's genhash takes."""
    host = virtualhost or (f"[{server}]:{port}" if ":" in server else f"{server}:{port}")
    for name, text in (("--url", url), ("--use-virtualhost", host)):
        if not text.isprintable() or " " in text:
            raise click.UsageError(f"{name}: expected no spaces or control characters, got {text!r}")
    try:
        with _connected(server, port, timeout, fwmark) as plain:
            if not use_ssl:
                head, body = fetch(plain, url, host, protocol)
            else:
                sni = (virtualhost or server) if use_sni else None
                with _unverified().wrap_socket(plain, server_hostname=sni) as wrapped:
                    head, body = fetch(wrapped, url, host, protocol)
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e) or type(e).__name__
        raise UnavailableError(f"genhash: {server} port {port}: {reason.lower()}") from None
    if verbose:
        click.echo(head.decode("latin-1").replace("\r\n", "\n"))
    click.echo(hashlib.md5(body, usedforsecurity=False).hexdigest())
    return 0


def fetch(connection: socket.socket, path: str, host: str, protocol: str) -> tuple[bytes, bytes]:
    """Header and body of a page; the body at most as long as its Content-Length.

    :raises ValueError: no HTTP, or an endless answer.
    """
    close = "" if protocol == "1.0" else "Connection: close\r\n"
    version = "1.1" if protocol == "1.1" else "1.0"
    request = f"GET {path} HTTP/{version}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {host}\r\n\r\n"
    connection.sendall(request.encode())
    received = bytearray()
    while b"\r\n\r\n" not in received and (part := connection.recv(65536)):
        received += part
        if len(received) > MAX_HEAD and b"\r\n\r\n" not in received:
            raise ValueError("the header never ends")
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/"):
        raise ValueError("the answer is not HTTP" if received else "closed without an answer")
    length = _content_length(bytes(head))
    while (length is None or len(body) < length) and (part := connection.recv(65536)):
        body += part
        if len(body) > MAX_PAGE:
            raise ValueError(f"the page is larger than {MAX_PAGE >> 20} MiB")
    return bytes(head), bytes(body if length is None else body[:length])


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _connected(server: str, port: int, timeout: float, fwmark: int | None) -> socket.socket:
    """A connection to the first address of the server that takes one."""
    error: OSError | None = None
    for family, kind, proto, _, address in socket.getaddrinfo(server, port, type=socket.SOCK_STREAM):
        plain = socket.socket(family, kind, proto)
        try:
            plain.settimeout(timeout)
            if fwmark is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, fwmark)
            plain.connect(address)
        except OSError as e:
            plain.close()
            error = e
        else:
            return plain
    raise error or OSError("no address")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
