"""Which type does a field of a real server stand for?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.checker.kinds import agent, dns, file, grpc_health, http, misc, ping, smtp, tcp, udp
from services.checker.kinds.what import Kind

# By the field of a real server (config.v1.RealServer), in the order in which a server's checks are judged.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "tcp_check": tcp.KIND,
        "http_get": http.KIND,
        "ssl_get": http.KIND,
        "misc_check": misc.KIND,
        "dns_check": dns.KIND,
        "udp_check": udp.KIND,
        "ping_check": ping.KIND,
        "smtp_check": smtp.KIND,
        "file_check": file.KIND,
        "grpc_check": grpc_health.KIND,
        "agent_check": agent.KIND,
    }
)
