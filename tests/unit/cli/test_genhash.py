"""genhash against real servers on loopback."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.main import main
from tests.kit.tls import Authority

PAGE = (
    b"<HTML><HEAD><TITLE>Unauthorized</TITLE></HEAD>\r\n<BODY>This document is protected.  You must send\r\n"
    b"the proper authorization information to access it.</BODY></HTML>\r\n"
)


@contextmanager
def server(answer: bytes, context: object = None) -> Iterator[tuple[int, list[bytes]]]:
    """One that gives every client the same answer and remembers what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                    with context.wrap_socket(client, server_side=True) if context else client as c:  # type: ignore[attr-defined]
                        asked.append(c.recv(65536))
                        c.sendall(answer)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port, asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_the_page_of_the_guide_has_the_digest_of_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    with server(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE) as (port, asked):
        assert main(["genhash", "-s", "127.0.0.1", "-p", str(port), "-u", "/testurl/test.jsp"]) == 0
    assert capsys.readouterr().out == "ec90a42b99ea9a2f5ecbe213ac9eba03\n"
    assert asked == [
        f"GET /testurl/test.jsp HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    ("flags", "request_line", "more"),
    [
        (["-P", "1.0c"], b"GET / HTTP/1.0", b"Connection: close"),
        (["-P", "1.1", "-V", "www.example"], b"GET / HTTP/1.1", b"Host: www.example"),
    ],
)
def test_the_request_is_keepaliveds(flags: list[str], request_line: bytes, more: bytes) -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef") as (port, asked):
        assert main(["genhash", "-s", "127.0.0.1", "-p", str(port), "-u", "/", *flags]) == 0
    assert asked[0].startswith(request_line)
    assert more in asked[0]


def test_the_digest_covers_at_most_content_length_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    with server(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef") as (port, _):
        assert main(["genhash", "-s", "127.0.0.1", "-p", str(port), "-u", "/", "-v"]) == 0
    out = capsys.readouterr().out
    assert "content-length: 3" in out
    assert out.endswith(hashlib.md5(b"abc").hexdigest() + "\n")


def test_tls_without_verification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import ssl

    issued = Authority(tmp_path / "tls").issue("server", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with server(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", context) as (port, _):
        assert main(["genhash", "-S", "-I", "-V", "www.example", "-s", "127.0.0.1", "-p", str(port), "-u", "/"]) == 0
    assert capsys.readouterr().out == hashlib.md5(b"abc").hexdigest() + "\n"


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_an_answer_that_is_no_page_is_one_line(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with server(answer) as (port, _):
        assert main(["genhash", "-s", "127.0.0.1", "-p", str(port), "-u", "/"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"vipctl: genhash: 127.0.0.1 port {port}: ")


def test_nobody_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["genhash", "-s", "127.0.0.1", "-p", "1", "-u", "/"]) == 1
    assert capsys.readouterr().err == "vipctl: genhash: 127.0.0.1 port 1: connection refused\n"


def test_a_path_that_would_break_the_request_is_a_usage_error() -> None:
    assert main(["genhash", "-s", "127.0.0.1", "-p", "1", "-u", "/\r\nX: y"]) == 2
