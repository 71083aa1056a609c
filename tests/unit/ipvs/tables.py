"""Random tables with every attribute that the kernel keeps, shared by the properties of plans here and on the kernel."""

from __future__ import annotations

from hypothesis import strategies as st

from services.ipvs.model import (
    HOST_BITS,
    INET6,
    SCHEDULERS,
    SCTP,
    UDP,
    Destination,
    Entry,
    Method,
    Service,
    ServiceKey,
    Tunnel,
    table,
)
from tests.unit.ipvs.words import key, mark, server

KEYS = [key(), key("10.0.0.2", 53, UDP), key("10.0.0.3", 36412, SCTP), key("2001:db8::1", 443), mark(5), mark(5, INET6)]
TUNNELS = [
    {},
    {"tunnel": Tunnel.GUE, "tunnel_port": 6080},
    {"tunnel": Tunnel.GUE, "tunnel_port": 6081, "tunnel_flags": 1},
    {"tunnel": Tunnel.GUE, "tunnel_port": 6080, "tunnel_flags": 2},
    {"tunnel": Tunnel.GRE},
    {"tunnel": Tunnel.GRE, "tunnel_flags": 1},
]
KNOWN = tuple(name for name in SCHEDULERS if name != "twos")  # by every kernel since 4.18


@st.composite
def services(draw: st.DrawFn, of: ServiceKey) -> Service:
    """A service at this place."""
    persistence = draw(st.sampled_from([0, 300]))
    bits = HOST_BITS[of.family]
    return Service(
        of,
        draw(st.sampled_from(KNOWN)),
        persistence,
        draw(st.sampled_from([bits, bits - 8])) if persistence else bits,
        draw(st.booleans()),
        draw(st.integers(0, 7)),
        draw(st.sampled_from(["", "sip"])) if persistence else "",
    )


@st.composite
def destinations(draw: st.DrawFn, of: ServiceKey, number: int) -> Destination:
    """One of the servers of a service; those behind a tunnel may be of the other family."""
    method = draw(st.sampled_from([Method.NAT, Method.DR, Method.TUN]))
    six = (of.family == INET6) != (method is Method.TUN and draw(st.booleans()))
    more = draw(st.sampled_from(TUNNELS)) if method is Method.TUN else {}
    upper = draw(st.sampled_from([0, 100]))
    prefix = "2001:db8::" if six else "10.0.1."
    return server(
        f"{prefix}{number}",
        draw(st.sampled_from([0, 1, 2, 65535])),
        method=method,
        upper_threshold=upper,
        lower_threshold=upper // 2,
        **more,
    )


@st.composite
def tables(draw: st.DrawFn) -> dict[ServiceKey, Entry]:
    """Some services with some servers each."""
    entries = []
    for of in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        numbers = draw(st.lists(st.integers(2, 8), unique=True, max_size=6))
        entries.append((draw(services(of)), [draw(destinations(of, n)) for n in numbers]))
    return table(entries)
