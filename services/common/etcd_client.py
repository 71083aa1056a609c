"""How does one talk to etcd? Addresses, TLS, users; one session at a time, each failure in words.

A session is one connection to one endpoint; when it fails, the next one goes to the next endpoint. Channels are never
reused after a failure: gRPC's own waiting between attempts is longer than ours.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc.aio import EOF as EOF  # type: ignore[attr-defined]  # the stubs forget it

from services.common.errors import StoreError, UnavailableError
from services.common.etcd3_shim import rpc, stubs
from services.common.options import Options, parse_endpoints

log = logging.getLogger(__name__)

DEADLINE_S = 5.0  # of a unary call
_CHANNEL = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),  # a thousand revisions may come at once
    ("grpc.use_local_subchannel_pool", 1),  # else a new channel inherits the old one's back-off
    ("grpc.min_reconnect_backoff_ms", 3_000),  # this is also the time a connection attempt may take
    ("grpc.keepalive_time_ms", 6_000),  # etcd hangs up on those who ask more often than every 5 s
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),  # the keepalive's own time-out does not end a connection before this one
    ("grpc.http2.max_pings_without_data", 0),
)
_TOKEN_ERRORS = ("invalid auth token", "revision of auth store is old", "user name is empty")


class EtcdError(Exception):
    """A call failed; `reason` is one line for people. `stale`: what etcd knows of us is out of date, a new session helps."""

    def __init__(self, reason: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN, stale: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.stale = stale


class EtcdClient:
    """Everything about etcd that the options say.

    :raises StoreError: the credentials cannot be meant.
    """

    def __init__(self, options: Options) -> None:
        self.endpoints = parse_endpoints(options.store)
        self.prefix = options.prefix.encode()
        self._options = options
        self._next = 0
        if (options.store_cert is None) != (options.store_key is None):
            raise StoreError("--store-cert and --store-key go together; one of them is missing")
        if options.store_cert is not None and options.store_ca is None:
            raise StoreError("--store-cert needs --store-ca, the certificate that etcd's own is signed with")
        if bool(options.store_user) != (options.store_password_file is not None):
            raise StoreError("--store-user and --store-password-file go together; one of them is missing")
        self.credentials()
        self.password()

    def credentials(self) -> grpc.ChannelCredentials | None:
        """TLS credentials, read anew; None: plaintext.

        :raises StoreError: a file cannot be read.
        """
        if self._options.store_ca is None:
            return None
        ca = _read("--store-ca", self._options.store_ca)
        cert = _read("--store-cert", self._options.store_cert) if self._options.store_cert else None
        key = _read("--store-key", self._options.store_key) if self._options.store_key else None
        return grpc.ssl_channel_credentials(ca, key, cert)

    def password(self) -> str:
        """The user's password, read anew; empty without a user.

        :raises StoreError: the file cannot be read.
        """
        file = self._options.store_password_file
        return _read("--store-password-file", file).decode(errors="replace").rstrip("\r\n") if file else ""

    @property
    def tls(self) -> bool:
        return self._options.store_ca is not None

    @property
    def user(self) -> str:
        return self._options.store_user

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection to the endpoint whose turn it is, logged in. After an error the next endpoint has its turn.

        :raises EtcdError: it cannot be reached, or it does not let us in.
        """
        endpoint = self.endpoints[self._next % len(self.endpoints)]
        try:
            credentials = self.credentials()
        except StoreError as e:
            raise EtcdError(str(e)) from None
        if credentials is None:
            channel = grpc.aio.insecure_channel(endpoint, options=_CHANNEL)
        else:
            channel = grpc.aio.secure_channel(endpoint, credentials, options=_CHANNEL)
        try:
            async with channel:
                session = Session(self, endpoint, channel)
                await session.log_in()
                yield session
        except EtcdError:
            self._next += 1
            raise


class Session:
    """One connection to one member. Its calls raise EtcdError, and have deadlines."""

    def __init__(self, client: EtcdClient, endpoint: str, channel: grpc.aio.Channel) -> None:
        self.endpoint = endpoint
        self._client = client
        self._token = ""
        self._auth = stubs.AuthStub(channel)
        self.kv = stubs.KVStub(channel)
        self.lease = stubs.LeaseStub(channel)
        self._watch = stubs.WatchStub(channel)

    def metadata(self, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """With the token; tokens travel as plain metadata, so they work without TLS as well."""
        return (("token", self._token), *more) if self._token else more

    async def log_in(self) -> None:
        """A fresh token, where a user is configured."""
        if not self._client.user:
            return
        try:
            password = self._client.password()
            request = rpc.AuthenticateRequest(name=self._client.user, password=password)
            self._token = (await self._auth.Authenticate(request, timeout=DEADLINE_S)).token
        except grpc.aio.AioRpcError as e:
            if "authentication is not enabled" not in str(e.details()):  # then users are simply not asked for
                raise self.error(e) from None
        except StoreError as e:
            raise EtcdError(str(e)) from None

    async def call(self, method: Callable[..., Any], request: Any, deadline: float = DEADLINE_S) -> Any:
        """One unary call; if etcd no longer knows our token, with a new one."""
        for attempt in (1, 2):
            try:
                return await method(request, timeout=deadline, metadata=self.metadata(("hasleader", "true")))
            except grpc.aio.AioRpcError as e:
                error = self.error(e)
                if not (error.stale and self._token and attempt == 1):
                    raise error from None
                await self.log_in()
        raise AssertionError("unreachable")

    def watch(self) -> Any:
        """A new watch stream; grpc's own errors go through `error`."""
        return self._watch.Watch(metadata=self.metadata(("hasleader", "true")))

    def error(self, e: grpc.aio.AioRpcError) -> EtcdError:
        """The same failure in words."""
        return self.failure(e.code(), str(e.details() or e.code().name.lower()))

    def failure(self, code: grpc.StatusCode, details: str) -> EtcdError:
        """What etcd says is wrong, in words."""
        return EtcdError(self._explain(code, details), code, any(text in details for text in _TOKEN_ERRORS))

    def _explain(self, code: grpc.StatusCode, details: str) -> str:
        place = f"etcd at {self.endpoint}"
        short = details.removeprefix("etcdserver: ")
        user = self._client.user
        if "authentication failed" in details:
            return f"{place} refuses user {user!r} or its password; see --store-user and --store-password-file"
        if "user name is empty" in details:
            return f"{place} demands a user; give --store-user and --store-password-file"
        if code is grpc.StatusCode.PERMISSION_DENIED or "permission denied" in details:
            prefix = self._client.prefix.decode()
            who = f"user {user!r}" if user else "this client"
            return f"{place}: {who} lacks permission; grant its role readwrite on the prefix {prefix}"
        if "CERTIFICATE_VERIFY_FAILED" in details:
            return f"{place}: its certificate does not fit; see --store-ca, and the names in the certificate"
        if "CERTIFICATE_REQUIRED" in details or "BAD_CERTIFICATE" in details or "TSI_DATA_CORRUPTED" in details:
            return f"{place} breaks TLS off, as for want of a good client certificate; see --store-cert and --store-key"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED or "ping timeout" in details:
            return f"{place} does not answer in time"
        if "socket closed" in details.lower() and not self._client.tls:
            return f"{place} closes the connection; if it speaks TLS, give --store-ca"
        if code is grpc.StatusCode.UNAVAILABLE and not details.startswith("etcdserver"):
            return f"{place} cannot be reached: {short.rpartition(': ')[2].lower()}"
        return f"{place}: {short}"


def _read(flag: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise StoreError(f"{flag}: cannot read {path}: {(e.strerror or str(e)).lower()}") from None


async def once_at_each(client: EtcdClient, work: Callable[[Session], Any]) -> Any:
    """`await work(session)` at the first endpoint that answers.

    :raises UnavailableError: none does; the text names the last failure.
    """
    for left in reversed(range(len(client.endpoints))):
        try:
            async with client.session() as session:
                return await work(session)
        except EtcdError as e:
            if not left:
                raise UnavailableError(e.reason) from None
            log.debug("%s; trying the next endpoint", e.reason)
    raise AssertionError("unreachable")
