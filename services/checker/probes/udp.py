"""How does UDP_CHECK work? A datagram is sent; what comes back, or that nothing does, decides.

As in keepalived: what ICMP says against it is a failure. Without require_reply everything else is a success, silence until
connect_timeout too; with it a reply must come, of the right length, and where a pattern is given be like that as far as both
go. An empty datagram is no reply.
"""

from __future__ import annotations

from services.checker.kinds.udp import Udp
from services.checker.probes.datagrams import DatagramProbe
from services.checker.probes.probe import Tools
from services.checker.schedule import Timing

PAYLOAD = b"keepalived check - keepalived ch"  # keepalived 2.2.7's, byte for byte


class Reply:
    """What a reply must be like. Knows no sockets."""

    __slots__ = ("_least", "_mask", "_most", "_wanted", "required")

    def __init__(self, what: Udp) -> None:
        self.required = what.require_reply
        self._least, self._most = what.min_reply_length, what.max_reply_length
        self._mask = bytes.fromhex("".join("0" if digit == "x" else "f" for digit in what.reply))
        self._wanted = bytes.fromhex(what.reply.replace("x", "0"))

    def judge(self, data: bytes) -> str:
        """Empty, or what is wrong. Of a reply at least `max_reply_length` + 1 bytes must be given, where it has so many."""
        if not self.required:
            return ""
        if len(data) > self._most:
            return f"the reply is longer than {self._most} bytes"
        if len(data) < self._least:
            return f"the reply has {len(data)} bytes, expected at least {self._least}"
        for i, (got, mask, wanted) in enumerate(zip(data, self._mask, self._wanted, strict=False)):
            if got & mask != wanted:
                return f"byte {i} of the reply is {got:02x}, which is not what require_reply wants"
        return ""


class UdpProbe(DatagramProbe):
    """The probe of one check; see `probe.Probe`."""

    __slots__ = ("_payload", "_reply")

    def __init__(self, what: Udp, timing: Timing, tools: Tools) -> None:
        super().__init__(what.target, timing, tools, what.max_reply_length + 1)
        self._payload = bytes.fromhex(what.payload)
        self._reply = Reply(what)

    def question(self) -> bytes:
        return self._payload or PAYLOAD

    def judge(self, data: bytes) -> str | None:
        return self._reply.judge(data) if data else None

    def silence(self) -> str:
        return super().silence() if self._reply.required else ""
