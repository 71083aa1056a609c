"""TLS and users of a real etcd: who gets in, and what those are told who do not."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from services.common.errors import StoreError, UnavailableError
from services.common.options import Options
from services.common.store import Store, open_store
from services.common.store_etcd import get_prefix, put_all
from tests.contract.conftest import Reader
from tests.contract.test_store_etcd import is_synced
from tests.kit.etcd import Etcd
from tests.kit.tls import Authority
from tests.kit.wait import until_async

Read = Callable[[Store], Reader]
OptionsFor = Callable[..., Options]
STATUS = "/vipkeeper/status/lb1/ipvs"


def tls_flags(etcd: Etcd, *, client: bool = True) -> tuple[str, ...]:
    assert etcd.authority is not None
    assert etcd.client is not None
    ca = ("--store", etcd.url, "--store-ca", str(etcd.authority.ca))
    pair = ("--store-cert", str(etcd.client.certificate), "--store-key", str(etcd.client.key))
    return (*ca, *pair) if client else ca


def user_flags(etcd: Etcd, password_file: Path, user: str = "keeper") -> tuple[str, ...]:
    return ("--store", etcd.url, "--store-user", user, "--store-password-file", str(password_file))


def change(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("first\n")
    return file


async def test_mutual_tls_reads_watches_writes_and_publishes(tmp_path: Path, options_for: OptionsFor, read: Read) -> None:
    with Etcd(tmp_path, tls=True) as etcd:
        options = options_for(*tls_flags(etcd))
        store = open_store(options)
        reader = read(store)
        await reader.until(is_synced, "snapshot")
        await put_all(options, {"config/global": b"{}"})
        await reader.until(lambda r: r.values == {"config/global": b"{}"}, "the change")
        await store.publish("status/lb1/ipvs", b"well")
        await until_async(lambda: etcd.get(STATUS) == "well", what="published")


async def test_tls_without_client_certificates(tmp_path: Path, options_for: OptionsFor, read: Read) -> None:
    with Etcd(tmp_path, tls=True, client_certificates=False) as etcd:
        reader = read(open_store(options_for(*tls_flags(etcd, client=False))))
        await reader.until(is_synced, "snapshot")


async def test_a_server_of_another_authority_is_refused(tmp_path: Path, options_for: OptionsFor, read: Read) -> None:
    other = Authority(tmp_path / "other")
    with Etcd(tmp_path, tls=True) as etcd:
        options = dataclasses.replace(options_for(*tls_flags(etcd)), store_ca=other.ca)
        reader = read(open_store(options))
        await reader.until(lambda r: "its certificate does not fit; see --store-ca" in r.store.trouble(), "trouble")
        assert reader.batches == []
        with pytest.raises(UnavailableError, match="its certificate does not fit"):
            await put_all(options, {"config/global": b"{}"})


async def test_a_client_without_the_certificate_that_etcd_demands_is_told(
    tmp_path: Path, options_for: OptionsFor, read: Read
) -> None:
    with Etcd(tmp_path, tls=True) as etcd:
        reader = read(open_store(options_for(*tls_flags(etcd, client=False))))
        await reader.until(lambda r: "see --store-cert and --store-key" in r.store.trouble(), "trouble")


async def test_plaintext_to_a_tls_server_is_trouble(tmp_path: Path, options_for: OptionsFor, read: Read) -> None:
    with Etcd(tmp_path, tls=True) as etcd:
        reader = read(open_store(options_for("--store", etcd.url)))
        await reader.until(lambda r: "if it speaks TLS, give --store-ca" in r.store.trouble(), "trouble")
        assert reader.batches == []


@pytest.mark.parametrize("tls", [False, True], ids=["plaintext", "TLS"])
async def test_a_user_reads_watches_writes_and_publishes(
    tls: bool, tmp_path: Path, password_file: Path, options_for: OptionsFor, read: Read
) -> None:
    with Etcd(tmp_path, tls=tls, client_certificates=False) as etcd:
        etcd.enable_auth("keeper", "first")
        flags = user_flags(etcd, password_file)
        options = options_for(*flags, *(("--store-ca", str(etcd.authority.ca)) if etcd.authority else ()))
        store = open_store(options)
        reader = read(store)
        await reader.until(is_synced, "snapshot")
        await put_all(options, {"config/global": b"{}"})
        await reader.until(lambda r: r.values == {"config/global": b"{}"}, "the change")
        await store.publish("status/lb1/ipvs", b"well")
        await until_async(lambda: etcd.get(STATUS) == "well", what="published")
        assert await get_prefix(options, "config/") == {"config/global": b"{}"}


async def test_a_wrong_password_is_named_and_heals_when_the_file_is_corrected(
    etcd: Etcd, password_file: Path, options_for: OptionsFor, read: Read
) -> None:
    etcd.enable_auth("keeper", "second")
    options = options_for(*user_flags(etcd, password_file))
    reader = read(open_store(options))
    await reader.until(lambda r: "refuses user 'keeper' or its password" in r.store.trouble(), "trouble")
    with pytest.raises(UnavailableError, match="refuses user 'keeper' or its password"):
        await get_prefix(options)
    change(password_file, "second\n")
    await reader.until(is_synced, "snapshot")


async def test_a_missing_user_is_named(etcd: Etcd, options_for: OptionsFor, read: Read) -> None:
    etcd.enable_auth("keeper", "first")
    reader = read(open_store(options_for("--store", etcd.url)))
    await reader.until(lambda r: "demands a user; give --store-user" in r.store.trouble(), "trouble")


async def test_a_user_that_etcd_does_not_ask_for_does_no_harm(
    etcd: Etcd, password_file: Path, options_for: OptionsFor, read: Read
) -> None:
    reader = read(open_store(options_for(*user_flags(etcd, password_file))))
    await reader.until(is_synced, "snapshot")


async def test_a_user_without_permission_is_told_which_to_grant(
    etcd: Etcd, password_file: Path, options_for: OptionsFor, read: Read
) -> None:
    etcd.enable_auth("keeper", "first", prefix="/elsewhere/")
    options = options_for(*user_flags(etcd, password_file))
    reader = read(open_store(options))
    await reader.until(lambda r: "grant its role readwrite on the prefix /vipkeeper/" in r.store.trouble(), "trouble")
    etcd.etcdctl("role", "grant-permission", "service", "--prefix=true", "readwrite", "/vipkeeper/")
    await reader.until(is_synced, "snapshot")


async def test_a_changed_password_is_taken_up_while_running(
    etcd: Etcd, password_file: Path, options_for: OptionsFor, read: Read
) -> None:
    etcd.enable_auth("keeper", "first")
    store = open_store(options_for(*user_flags(etcd, password_file)))
    reader = read(store)
    await reader.until(is_synced, "snapshot")
    await store.publish("status/lb1/ipvs", b"before")
    await until_async(lambda: etcd.get(STATUS) == "before", what="published")
    change(password_file, "second")
    etcd.change_password("keeper", "second")  # every token of this user is void now
    etcd.put("/vipkeeper/config/global", '{"n": 1}')
    await store.publish("status/lb1/ipvs", b"after")
    await until_async(lambda: etcd.get(STATUS) == "after", what="published with the new password")
    etcd.restart()
    etcd.put("/vipkeeper/config/global", '{"n": 2}')
    await reader.until(lambda r: r.values == {"config/global": b'{"n": 2}'}, "watched with the new password")
    assert [b.values.get("config/global") for b in reader.batches] == [None, b'{"n": 1}', b'{"n": 2}']


async def test_an_expired_token_is_renewed(tmp_path: Path, password_file: Path, options_for: OptionsFor, read: Read) -> None:
    with Etcd(tmp_path, flags=("--auth-token-ttl=1",)) as etcd:
        etcd.enable_auth("keeper", "first")
        store = open_store(options_for(*user_flags(etcd, password_file)))
        reader = read(store)
        await reader.until(is_synced, "snapshot")
        await store.publish("status/lb1/ipvs", b"before")
        await until_async(lambda: etcd.get(STATUS) == "before", what="published")
        lease = etcd.etcdctl("lease", "list").split()[-1]

        def refreshed_late() -> bool:  # the lease's own refresh, 5 s after the grant, happens without a valid token
            remaining = int(etcd.etcdctl("lease", "timetolive", lease).partition("remaining(")[2].partition("s")[0])
            seen.append(remaining)
            return any(later > earlier for earlier, later in itertools.pairwise(seen))

        seen: list[int] = []
        await until_async(refreshed_late, 60, "the lease is refreshed")
        await store.publish("status/lb1/ipvs", b"after")
        await until_async(lambda: etcd.get(STATUS) == "after", what="published with a new token")
        await put_all(options_for(*user_flags(etcd, password_file)), {"config/global": b"{}"})
        await reader.until(lambda r: r.values == {"config/global": b"{}"}, "the watch goes on")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--store-cert", "/x"), "--store-cert and --store-key go together"),
        (("--store-key", "/x"), "--store-cert and --store-key go together"),
        (("--store-cert", "/x", "--store-key", "/x"), "--store-cert needs --store-ca"),
        (("--store-ca", "/none"), "--store-ca: cannot read /none: no such file or directory"),
        (("--store-user", "keeper"), "--store-user and --store-password-file go together"),
        (("--store-password-file", "/none"), "--store-user and --store-password-file go together"),
        (("--store-user", "a", "--store-password-file", "/none"), "--store-password-file: cannot read /none"),
    ],
)
def test_credentials_that_cannot_be_meant_are_refused(flags: tuple[str, ...], reason: str, options_for: OptionsFor) -> None:
    with pytest.raises(StoreError, match=reason):
        open_store(options_for("--store", "etcd://127.0.0.1", *flags))
