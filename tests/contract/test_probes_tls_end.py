"""How a check over TLS ends, as a server sees it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from services.checker.kinds.http import Http, Url
from services.checker.kinds.target import Target
from tests.kit import targets
from tests.kit.prober import running_prober
from tests.kit.tls import Authority
from tests.kit.wait import until_async


@pytest.mark.parametrize(("compliant", "end"), [(True, "closed"), (False, "reset")])
async def test_a_compliant_check_says_goodbye(tmp_path: Path, compliant: bool, end: str) -> None:
    issued = Authority(tmp_path).issue("server", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    ends: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(targets.page(b"hi"))
        try:
            ends.append("closed" if await reader.read() == b"" else "more")
        except (ConnectionError, ssl.SSLError):
            ends.append("reset")

    async with targets.target(answer, tls=context) as server, running_prober() as prober:
        what = Http(Target("127.0.0.1", server.port), (Url("/", "h", tls_compliant=compliant),), True, ("",))
        assert await prober.cause("ssl_get", what) == ""
        await until_async(lambda: ends, what="the end as the server sees it")
    assert ends == [end]
