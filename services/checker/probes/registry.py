"""Which probe does a type of check need? (FILE_CHECK needs none: the agent looks after files.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.checker.kinds.agent import Agent
from services.checker.kinds.dns import Dns
from services.checker.kinds.grpc_health import Grpc
from services.checker.kinds.http import Http
from services.checker.kinds.misc import Misc
from services.checker.kinds.ping import Ping
from services.checker.kinds.smtp import Smtp
from services.checker.kinds.tcp import Tcp
from services.checker.kinds.udp import Udp
from services.checker.kinds.what import What
from services.checker.probes.agent import AgentProbe
from services.checker.probes.dns import DnsProbe
from services.checker.probes.grpc_health import GrpcProbe
from services.checker.probes.http import HttpProbe
from services.checker.probes.misc import MiscProbe
from services.checker.probes.ping import PingProbe
from services.checker.probes.probe import Probe, Tools
from services.checker.probes.smtp import SmtpProbe
from services.checker.probes.tcp import TcpProbe
from services.checker.probes.udp import UdpProbe
from services.checker.schedule import Timing

PROBES: dict[type[What], Callable[[Any, Timing, Tools], Probe]] = {
    Tcp: TcpProbe,
    Http: HttpProbe,
    Misc: MiscProbe,
    Dns: DnsProbe,
    Udp: UdpProbe,
    Ping: PingProbe,
    Smtp: SmtpProbe,
    Grpc: GrpcProbe,
    Agent: AgentProbe,
}


def probe_of(what: What, timing: Timing, tools: Tools) -> Probe:
    """A probe for every run."""
    return PROBES[type(what)](what, timing, tools)
