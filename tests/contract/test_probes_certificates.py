"""SSL_GET that verifies certificates, against servers whose certificates are bad in every way."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.checker.kinds.http import Http, Url
from services.checker.kinds.target import Target
from services.checker.kinds.tls import Identity, Trust
from services.checker.streak import Phase
from tests.kit import targets
from tests.kit.prober import QUICK, Prober, running_prober
from tests.kit.tls import Authority, Certificate
from tests.kit.wait import until_async


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    async with running_prober() as it:
        yield it


@contextlib.asynccontextmanager
async def serving(issued: Certificate) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    async with targets.target(targets.answer(targets.page(b"hi")), tls=context) as server:
        yield server.port


def verified(port: int, ca_file: Path | str, name: str = "127.0.0.1", min_days: int = 0) -> Http:
    return Http(Target("127.0.0.1", port), (Url("/", "h"),), True, (name,), trust=Trust(str(ca_file), min_days))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "www.example"])
async def test_a_good_certificate_passes_by_name_and_by_address(prober: Prober, authority: Authority, name: str) -> None:
    async with serving(authority.issue("good", "127.0.0.1", names=("localhost", "www.example"))) as port:
        assert await prober.cause("ssl_get", verified(port, authority.ca, name)) == ""


async def test_an_expired_certificate_fails(prober: Prober, authority: Authority) -> None:
    async with serving(authority.issue("expired", "127.0.0.1", days=-1)) as port:
        assert await prober.cause("ssl_get", verified(port, authority.ca)) == "TLS: certificate: certificate has expired"


@pytest.mark.parametrize(("name", "words"), [("other.example", "hostname mismatch"), ("127.0.0.1", "IP address mismatch")])
async def test_a_certificate_for_another_name_fails(prober: Prober, authority: Authority, name: str, words: str) -> None:
    async with serving(authority.issue("named", names=("www.example",))) as port:
        cause = await prober.cause("ssl_get", verified(port, authority.ca, name))
    assert cause.startswith("TLS: certificate: ")
    assert words.lower() in cause.lower()
    assert name in cause


async def test_a_certificate_of_an_unknown_authority_fails(prober: Prober, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "a stranger")
    async with serving(stranger.issue("strange", "127.0.0.1")) as port:
        cause = await prober.cause("ssl_get", verified(port, authority.ca))
        assert cause == "TLS: certificate: unable to get local issuer certificate"
        assert await prober.cause("ssl_get", verified(port, "")) == cause


async def test_without_verification_any_certificate_passes_as_in_keepalived(prober: Prober, authority: Authority) -> None:
    async with serving(authority.issue("old", names=("www.example",), days=-1)) as port:
        what = Http(Target("127.0.0.1", port), (Url("/", "h"),), True, ("other.example",))
        assert await prober.cause("ssl_get", what) == ""


async def test_the_systems_store_counts_where_no_file_is_named(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    async with serving(authority.issue("good", "127.0.0.1")) as port, running_prober() as prober:
        assert await prober.cause("ssl_get", verified(port, "")) == ""


async def test_a_certificate_that_ends_soon_fails_where_days_are_asked_for(prober: Prober, authority: Authority) -> None:
    async with serving(authority.issue("short", "127.0.0.1", days=10)) as port:
        assert await prober.cause("ssl_get", verified(port, authority.ca, min_days=9)) == ""
        cause = await prober.cause("ssl_get", verified(port, authority.ca, min_days=11))
    assert cause == "TLS: certificate: valid for 9 days more, expected at least 11; renew it"


async def test_a_file_that_is_missing_costs_its_own_check_alone_until_it_is_there(
    prober: Prober, authority: Authority, tmp_path: Path
) -> None:
    wanted = tmp_path / "ca.pem"
    async with serving(authority.issue("good", "127.0.0.1")) as port:
        waiting = prober.start("ssl_get", verified(port, wanted), QUICK)
        assert await prober.cause("ssl_get", verified(port, authority.ca)) == ""
        await until_async(lambda: prober.reports[waiting], what="a result without the file")
        hint = "put it there, readable for the checker, or change tls_ca_file"
        assert prober.reports[waiting][0].cause == f"TLS: tls_ca_file {wanted}: no such file or directory; {hint}"
        wanted.write_text("nothing\n")
        told = f"TLS: tls_ca_file {wanted} holds no certificate in PEM; put trusted certificates into it"
        await until_async(lambda: prober.reports[waiting][-1].cause == told, what="a result with a useless file")
        wanted.write_bytes(authority.ca.read_bytes())
        await until_async(lambda: prober.reports[waiting][-1].streak.phase is Phase.UP, what="success with the file")


async def test_a_file_that_changes_is_read_again(prober: Prober, authority: Authority, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(Authority(tmp_path / "other").ca.read_bytes())
    async with serving(authority.issue("good", "127.0.0.1")) as port:
        check = prober.start("ssl_get", verified(port, trusted), QUICK)
        await until_async(lambda: prober.reports[check], what="a result")
        assert prober.reports[check][0].cause == "TLS: certificate: unable to get local issuer certificate"
        trusted.write_bytes(authority.ca.read_bytes() + b"\n")
        await until_async(lambda: prober.reports[check][-1].streak.phase is Phase.UP, what="success")


# --- the checker's own certificate ---


@contextlib.asynccontextmanager
async def asking(authority: Authority) -> AsyncIterator[int]:
    """A server that wants its clients' certificates."""
    issued = authority.issue("asking", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    async with targets.target(targets.answer(targets.page(b"hi")), tls=context) as server:
        yield server.port


def showing(port: int, identity: Identity | None, trust: Trust | None = None) -> Http:
    return Http(Target("127.0.0.1", port), (Url("/", "h"),), True, ("127.0.0.1",), trust=trust, identity=identity)


@pytest.fixture(scope="module")
def mine(authority: Authority) -> Certificate:
    return authority.issue("checker")


@pytest.fixture
def locked(mine: Certificate, tmp_path: Path) -> Path:
    """The key, behind the password `secret`."""
    path = tmp_path / "locked.key"
    words = ["openssl", "ec", "-in", mine.key, "-out", path, "-aes128", "-passout", "pass:secret"]
    subprocess.run(words, check=True, capture_output=True)
    return path


async def test_a_server_that_asks_for_a_certificate_is_shown_it(
    prober: Prober, authority: Authority, mine: Certificate, locked: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(mine.certificate.read_bytes() + mine.key.read_bytes())
    async with asking(authority) as port:
        assert await prober.cause("ssl_get", showing(port, None)) != ""
        assert await prober.cause("ssl_get", showing(port, Identity(str(mine.certificate), str(mine.key)))) == ""
        assert await prober.cause("ssl_get", showing(port, Identity(str(both)))) == ""
        assert await prober.cause("ssl_get", showing(port, Identity(str(both)), Trust(str(authority.ca)))) == ""
        assert await prober.cause("ssl_get", showing(port, Identity(str(mine.certificate), str(locked), "secret"))) == ""
        cause = await prober.cause("ssl_get", showing(port, Identity(str(mine.certificate), str(locked), "wrong")))
    assert cause == (
        f"TLS: ssl.certificate {mine.certificate} cannot be used with the key in {locked}: "
        "it must be in PEM, fit the certificate, and open with ssl.password"
    )


async def test_a_key_that_cannot_be_read_is_named(prober: Prober, mine: Certificate, tmp_path: Path) -> None:
    cause = await prober.cause("ssl_get", showing(9, Identity(str(mine.certificate), str(tmp_path / "none"))))
    assert cause == (
        f"TLS: ssl.key {tmp_path}/none: no such file or directory; put it there, readable for the checker, or change ssl.key"
    )
