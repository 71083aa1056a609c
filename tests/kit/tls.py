"""A certificate authority for one test: server and client certificates for TLS and mTLS."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of the PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs with a key of its own; everything lies in `folder`."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", str(self._key), "-out", str(self.ca)),
        )

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"

    def issue(self, name: str, *addresses: str, names: Sequence[str] = ("localhost",), days: int = 2) -> Certificate:
        """A certificate for `name` (its CN), valid as server for the IP addresses and the names, and as client. Of fewer than
        0 days: it has expired."""
        request, key, certificate, extensions = (self._folder / f"{name}.{end}" for end in ("csr", "key", "pem", "ext"))
        alternatives = ",".join([*(f"DNS:{each}" for each in names), *(f"IP:{address}" for address in addresses)])
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(request)),
        )
        self._openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self._key), "-CAcreateserial"),
            *("-days", str(days), "-extfile", str(extensions), "-out", str(certificate)),
        )
        return Certificate(certificate, key)
