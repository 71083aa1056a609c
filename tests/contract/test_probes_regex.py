"""HTTP_GET with a regex, by a real worker."""

from __future__ import annotations

from services.checker.kinds.http import Http, Url
from services.checker.kinds.regex import Regex
from services.checker.kinds.target import Target
from tests.kit import targets
from tests.kit.prober import QUICK, running_prober
from tests.kit.wait import until_async


async def test_a_regex_that_never_ends_and_a_huge_page_cost_their_own_checks_alone() -> None:
    """While both are probed, a healthy server is probed at its own pace."""
    body = b"a" * 2_000_000 + b"hello"
    async with (
        targets.target(targets.answer(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 2_000_000 + b"b")) as bad,
        targets.target(targets.answer(b"HTTP/1.0 200 OK\r\n\r\n" + body)) as huge,
        targets.target(targets.answer(targets.page(b"well, hello there"))) as good,
        running_prober() as prober,
    ):

        def check(port: int, pattern: str) -> Http:
            return Http(Target("127.0.0.1", port), (Url("/", "h", regex=Regex(pattern)),), sni=("",))

        endless = prober.start("http_get", check(bad.port, "(a+)+$"), QUICK)
        large = prober.start("http_get", check(huge.port, "hello$"))
        healthy = prober.start("http_get", check(good.port, "hello"), QUICK)
        await until_async(lambda: good.connections >= 10, what="ten probes of the healthy server")
        await until_async(lambda: prober.reports[endless] and prober.reports[large], what="verdicts on the others")
    assert "make it simpler" in prober.reports[endless][0].cause
    assert [prober.reports[each][0].cause for each in (large, healthy)] == ["", ""]
