"""The same keepalived.conf gives the same table of IPVS by keepalived as by us, ipvsadm being the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.keepalived_conf.reading import read_text
from services.common import values
from services.common.desired import Change
from services.common.judges import DECODERS
from services.common.telemetry import Telemetry
from services.ipvs.runtime import Runtime
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Namespace
from tests.kit.wait import until
from tests.lab.judge import saved, thresholds

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FILES = {
    "flags": """
virtual_server 10.0.0.1 80 {
    protocol TCP
    lvs_sched sh
    sh-port
    sh-fallback
    lvs_method NAT
    real_server 10.0.1.2 8080 {
        weight 3
        uthreshold 100
        lthreshold 50
    }
}
virtual_server 10.0.0.2 53 {
    protocol UDP
    lb_algo mh
    mh-port
    flag-3
    ops
    lb_kind DR
    real_server 10.0.1.2 53 {
    }
}
virtual_server 10.0.0.3 36412 {
    protocol SCTP
    lvs_sched rr
    lvs_method NAT
    real_server 10.0.1.2 36412 {
    }
}
virtual_server 10.0.0.4 80 {
    protocol TCP
    lvs_sched rr
    sh-port
    mh-fallback
    ops
    flag-1
    lvs_method NAT
    real_server 10.0.1.2 80 {
    }
}
""",
    "persistence": """
virtual_server 10.0.0.1 5060 {
    protocol UDP
    lvs_sched rr
    lvs_method NAT
    persistence_timeout 60
    persistence_engine sip
    real_server 10.0.1.2 5060 {
    }
}
virtual_server 10.0.0.2 80 {
    protocol TCP
    lvs_sched rr
    lvs_method NAT
    persistence_granularity 255.255.255.0
    real_server 10.0.1.2 80 {
    }
}
virtual_server 2001:db8::1 80 {
    protocol TCP
    lvs_sched rr
    lvs_method NAT
    persistence_timeout
    persistence_granularity 64
    real_server 2001:db8::2 80 {
    }
}
virtual_server 10.0.0.3 0 {
    protocol TCP
    lvs_sched rr
    lvs_method DR
    real_server 10.0.1.2 0 {
    }
}
""",
    "tunnels": """
virtual_server 10.0.0.1 80 {
    protocol TCP
    lvs_sched rr
    lvs_method TUN type gue port 6080 csum
    sorry_server 10.0.9.9 80
    sorry_server_inhibit
    real_server 10.0.1.2 80 {
    }
    real_server 10.0.1.3 80 {
        lvs_method TUN type gre csum
    }
    real_server 10.0.1.4 80 {
        lvs_method TUN
    }
    real_server 10.0.1.5 80 {
        lvs_method DR
    }
    real_server 10.0.1.6 80 {
        lvs_method TUN type gue port 6081 remcsum
    }
    real_server 2001:db8::7 80 {
        lvs_method TUN type gre
    }
}
""",
    "groups": """
virtual_server_group web {
    10.0.0.1-3 80
    10.0.2.8/30 80
    10.0.3.1 443
}
virtual_server_group dns {
    10.1.0.1 53
    10.1.0.2-4 53
}
virtual_server_group any {
    10.1.1.1
}
virtual_server_group six {
    2001:db8::1-b 80
}
virtual_server_group marks {
    fwmark 5
    fwmark 6
}
virtual_server group web {
    protocol TCP
    lvs_sched rr
    lvs_method NAT
    real_server 10.9.1.2 8080 {
    }
    real_server 10.9.1.3 {
    }
}
virtual_server group dns {
    protocol UDP
    lvs_sched rr
    lvs_method DR
    real_server 10.9.1.2 53 {
    }
    real_server 10.9.1.3 {
    }
}
virtual_server group any {
    protocol TCP
    lvs_sched rr
    lvs_method TUN
    real_server 10.9.1.2 {
    }
}
virtual_server group six {
    protocol TCP
    lvs_sched rr
    lvs_method NAT
    real_server 2001:db8:9::1 80 {
    }
}
virtual_server group marks {
    lvs_sched rr
    lvs_method DR
    real_server 10.9.1.2 {
    }
}
""",
    "mistakes": """
virtual_server 10.0.0.1 5060 {
    protocol UDP
    lvs_sched rr
    lvs_method NAT
    persistence_engine sip
    real_server 10.0.1.2 5060 {
    }
}
virtual_server 10.0.0.3 80 {
    protocol TCP
    lvs_sched rr
    lvs_method TUN type gue
    real_server 10.0.1.2 80 {
    }
}
virtual_server 10.0.0.4 80 {
    protocol TCP
    lvs_sched rr
    lvs_method TUN csum
    real_server 10.0.1.2 80 {
    }
}
virtual_server 10.0.0.5 80 {
    protocol TCP
    lvs_sched rr
    lvs_method TUN type gre port 5 remcsum
    real_server 10.0.1.2 80 {
    }
}
virtual_server 10.0.0.7 80 {
    protocol TCP
    sh-port
    lvs_sched sh
    lvs_method NAT
    real_server 10.0.1.2 80 {
    }
}
virtual_server 10.0.0.8 80 {
    protocol TCP
    lvs_sched rr
    lvs_method DR
    real_server 10.0.1.2 8080 {
    }
}
""",
    "marks": """
virtual_server fwmark 5 {
    lvs_sched rr
    lvs_method DR
    real_server 10.0.1.2 {
    }
}
virtual_server fwmark 5 {
    lvs_sched rr
    lvs_method DR
    real_server 2001:db8::2 {
    }
}
virtual_server fwmark 6 {
    lvs_sched rr
    lvs_method TUN
    ip_family inet6
    real_server 10.0.1.2 {
    }
}
virtual_server fwmark 7 {
    lvs_sched rr
    lvs_method TUN
    persistence_granularity 64
    real_server 10.0.1.2 {
    }
}
""",
}


@pytest.fixture
def ours_and_theirs() -> Iterator[tuple[Namespace, Namespace]]:
    pair = Namespace("ours"), Namespace("theirs")
    for namespace in pair:
        namespace.ip("link set lo up")
    yield pair
    for namespace in pair:
        namespace.close()


async def fill(folder: Path, text: str) -> list[str]:
    """What our service makes of a file in this namespace, and what the kernel refuses of it."""
    objects = read_text(text).objects
    upserts = {}
    for key, value in objects.items():
        kind, _, name = key.removeprefix("config/").partition("/")
        if kind in DECODERS["ipvs"]:
            upserts[kind, name] = DECODERS["ipvs"][kind](name, values.check(kind, value))
    runtime = Runtime(folder, Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)
    problems = await runtime.configure(Change(1, upserts, frozenset(), ()))
    runtime.close()
    return [str(problem) for problem in problems]


def shown() -> tuple[list[str], dict[str, tuple[int, int]]]:
    return saved(), thresholds()


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_the_table_that_keepalived_makes_of_it(
    name: str, ours_and_theirs: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    ours, theirs = ours_and_theirs
    with ours.entered():
        assert asyncio.run(fill(tmp_path, FILES[name])) == []
        wanted = shown()
    keepalived = start_keepalived(theirs, tmp_path, FILES[name], part="--check")
    with theirs.entered():
        until(lambda: shown() == wanted, 60, lambda: f"keepalived's table\n{shown()}\nto be ours\n{wanted}")
    keepalived.kill()
