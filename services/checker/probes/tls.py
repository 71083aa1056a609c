"""How does TLS go over a probe's socket? Bytes in, bytes out; knows no sockets."""

from __future__ import annotations

import ssl

CHUNK = 64 * 1024


def tls_context() -> ssl.SSLContext:
    """For SSL_GET: as keepalived, no certificate is verified, and old servers are talked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


class Tls:
    """TLS over bytes: `receive` what came, `send` what should go; `out` is then to be sent as it is."""

    __slots__ = ("_incoming", "_object", "_outgoing", "established")

    def __init__(self, context: ssl.SSLContext, sni: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=sni or None)
        self.established = False

    def handshake(self) -> bool:
        """Go on with the handshake; true once it is complete.

        :raises ssl.SSLError: the server does not speak TLS, or not one that we know.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def receive(self, data: bytes) -> None:
        """Bytes from the network; empty: it is closed."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def send(self, data: bytes) -> None:
        """Bytes for the server (a request always fits)."""
        self._object.write(data)

    def read(self) -> bytes | None:
        """Plain bytes; None: more must come first; empty: closed.

        :raises ssl.SSLError: garbage came.
        """
        try:
            return self._object.read(CHUNK)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def out(self) -> bytes:
        """What must go to the network now."""
        return self._outgoing.read()


def reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason, in words."""
    return (error.reason or error.strerror or str(error)).replace("_", " ").lower()
