"""The checker beside keepalived's: one keepalived.conf, the same servers, and what each makes of their behaviour.

keepalived's checker wants IPVS; a library in front of it (tests/bench/fake_ipvs.c) acknowledges what it writes there. What it
makes of a server is in its log. All servers begin healthy and, by `alpha`, down: both must take them up. Then each does what
its case says, and both must come to the same; then all are healthy again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.keepalived_conf.reading import read_text
from tests.bench.checks import shim
from tests.kit.checker import Node
from tests.kit.datagrams import Answers, UdpTarget, dns, silent
from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until_async

pytestmark = pytest.mark.netns

ASKED = 16  # questions after a server has changed, before it is clear that nobody minds: both have asked at least five times
HEAD = "virtual_server 10.50.0.1 80 {\n delay_loop 0.5\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n warmup 0\n alpha\n"
_WORDS = re.compile(r"(Adding|Removing) service \[([^\]]+)\]:tcp:(\d+)")
_FAULT = re.compile(r":tcp:(\d+)\): tracked file \w+ (now|leaving) FAULT state")
_WEIGHT = re.compile(r"Changing weight from -?\d+ to (\d+) for active service \[[^\]]+\]:tcp:(\d+)")


@dataclass(slots=True)
class Case:
    """A server over UDP that is healthy, then does `bad`; `fatal` is what both must make of that. None: its port closes."""

    check: str
    bad: Answers | None
    fatal: bool
    healthy: Answers = field(default_factory=dns)
    port: int = 0
    server: UdpTarget | None = None


def again(data: bytes) -> list[bytes]:
    return [b"hello"]


def both(first: Answers, second: Answers) -> Answers:
    return lambda data: [*first(data), *second(data)]


DNS = "DNS_CHECK {{\n type {type}\n name {name}\n connect_timeout 0.3\n retry 1\n delay_before_retry 0.2\n}}"
NAME = DNS.format(type="A", name="www.example.com")
UDP = "UDP_CHECK {{\n {0}\n connect_timeout 0.3\n retry 1\n delay_before_retry 0.2\n}}"
ANY, PATTERN = UDP.format(""), UDP.format("require_reply 68xx6c")

CASES = {
    "dns: server failure": Case(NAME, dns(0x8182), True),
    "dns: no such name": Case(NAME, dns(0x8183), True),
    "dns: refused": Case(DNS.format(type="rrsig", name="."), dns(0x8185), True),
    "dns: truncated": Case(NAME, dns(0x8380), False),
    "dns: header only": Case(NAME, dns(tail=b""), False),
    "dns: garbage behind the header": Case(NAME, dns(tail=b"\xff" * 400), False),
    "dns: another question": Case(NAME, dns(tail=b"\3abc\0\0\1\0\1"), False),
    "dns: another number": Case(NAME, dns(other=1), True),
    "dns: another number, then its own": Case(NAME, both(dns(other=1), dns()), False),
    "dns: the question itself": Case(NAME, lambda data: [data], True),
    "dns: garbage": Case(NAME, lambda data: [b"\0" * 5], True),
    "dns: silence": Case(DNS.format(type="DNSKEY", name="example.com."), silent, True),
    "dns: closed port": Case(NAME, None, True),
    "udp: silence where no reply is required": Case(ANY, silent, False, again),
    "udp: closed port": Case(ANY, None, True, again),
    "udp: closed port where a reply is required": Case(PATTERN, None, True, again),
    "udp: silence where a reply is required": Case(UDP.format("require_reply"), silent, True, again),
    "udp: an empty reply": Case(UDP.format("require_reply"), lambda data: [b""], True, again),
    "udp: a long reply without a pattern": Case(UDP.format("require_reply"), lambda data: [bytes(300)], False, again),
    "udp: a long reply to a pattern": Case(PATTERN, lambda data: [b"hello" * 60], True, again),
    "udp: 255 bytes": Case(PATTERN, lambda data: [b"hello" * 51], False, again),
    "udp: a reply that is not like the pattern": Case(PATTERN, lambda data: [b"hexxo"], True, again),
    "udp: a reply shorter than the pattern": Case(PATTERN, lambda data: [b"he"], False, again),
    "udp: a wrong reply, then a right one": Case(PATTERN, lambda data: [b"xx", b"hello"], True, again),
    "udp: too short": Case(UDP.format("require_reply 68\n min_reply_length 4"), lambda data: [b"hel"], True, again),
    "udp: a digit without its pair": Case(
        UDP.format("require_reply 68x"), lambda data: [b"h\xf0"], True, lambda data: [b"h\x07"]
    ),
    "udp: the payload": Case(
        UDP.format("payload Ab12f 3\n require_reply ab120f03"), lambda data: [data[::-1]], True, lambda data: [data]
    ),
}

MAIL = "SMTP_CHECK {\n connect_timeout 0.3\n retry 1\n delay_before_retry 0.2\n}"
MAILS: dict[str, tuple[tuple[bytes, ...], bool]] = {
    "smtp: greeting 554": ((b"554 no\r\n",), True),
    "smtp: greeting without an end": ((b"220 x",), True),
    "smtp: silence": ((), True),
    "smtp: no reply to HELO": ((b"220 x\r\n",), True),
    "smtp: HELO 500": ((b"220 x\r\n", b"500 no\r\n"), True),
    "smtp: HELO 251": ((b"220 x\r\n", b"251 hm\r\n"), True),
    "smtp: no reply to QUIT": ((b"220 x\r\n", b"250 ok\r\n"), True),
    "smtp: QUIT 500": ((b"220 x\r\n", b"250 ok\r\n", b"500 no\r\n"), False),
    "smtp: bare line feeds": ((b"220 x\n", b"250 ok\n", b"221 bye\n"), False),
    "smtp: out of turn": ((b"220 x\r\n250 ok\r\n", b"", b"221 bye\r\n"), True),
    "smtp: garbage": ((b"\xff\0\n",), True),
}
GOOD_MAIL = (b"220 mx\r\n", b"250 ok\r\n", b"221 bye\r\n")

FILES = {  # check, what the file holds at first, what it holds then, fatal, the weight then
    "file: added": ("", "5", "7", False, 17),
    "file: times the check's weight": ("weight 3 reverse", "-2", "-1", False, 13),
    "file: not below 0": ("", "1", "-300", False, 0),
    "file: weight 0": ("weight 0", "0", "1", True, None),
    "file: weight 0, reverse": ("weight 0 reverse", "1", "0", True, None),
    "file: much too small": ("weight 2", "0", "-2000000000", True, None),
}

LISTENER = """
import socket, sys
listener = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
listener.bind((sys.argv[1], int(sys.argv[2])))
while True:
    listener.recv(9000)
"""


class Mail:
    """A mail server with these replies; then it says nothing more."""

    def __init__(self) -> None:
        self.replies = GOOD_MAIL
        self.greeted = 0
        self.port = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.greeted += 1
        try:
            for reply in self.replies:
                writer.write(reply)
                await writer.drain()
                if not await reader.readline():
                    break
            await reader.read()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            self.tasks.discard(task)


class Rival:
    """keepalived's checker, and what its log says of the servers."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def output(self) -> str:
        return self._process.output()

    def up(self) -> dict[int, bool]:
        """By port; those that it has taken up once."""
        return {int(port): word == "Adding" for word, _, port in _WORDS.findall(self._process.output())}

    def faults(self) -> set[int]:
        """By port, those that a file takes down. (2.2.7 says so of a file of weight 0 with reverse, and leaves the server.)"""
        last = {int(port): word == "now" for port, word in _FAULT.findall(self._process.output())}
        return {port for port, fault in last.items() if fault}

    def weights(self) -> dict[int, int]:
        """By port, the last that it told."""
        return {int(port): int(weight) for weight, port in _WEIGHT.findall(self._process.output())}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:
        it = Node(Path(folder))
        await it.start_services()
        yield it
        await it.stop_services()
        assert it.ipvs.complaints == []


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as it:
        yield it


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """What keepalived needs where the kernel has no IPVS."""
    if shutil.which("keepalived", path="/usr/sbin:/usr/bin") is None or shutil.which("cc") is None:
        pytest.skip("keepalived or a C compiler is not installed (apt-get install keepalived gcc)")
    try:
        return shim(tmp_path_factory.mktemp("shim"))
    except subprocess.CalledProcessError as e:
        pytest.skip(f"the C compiler does not work: {e}")


@contextlib.contextmanager
def both_checkers(
    host: Host, node: Node, library: Path | None, text: str
) -> Iterator[tuple[Rival, Callable[[], dict[int, bool]]]]:
    """keepalived and ours on the same host with the same configuration; for each, what is up by port."""
    config = node.folder / "keepalived.conf"
    config.write_text("global_defs {\n checker_rlimit_rttime 5000000\n}\n" + text)
    conf = read_text(text)
    assert conf.complaints == ()
    node.put({key.removeprefix("config/"): value for key, value in conf.objects.items()})
    files = [f"--{kind}={node.folder / kind}" for kind in ("pid", "checkers_pid")]
    command = ["keepalived", "--dont-fork", "--log-console", "--log-detail", "--check", "-f", str(config), *files]
    rival = Rival(host.start(command, env={"LD_PRELOAD": str(library)} if library else {}))

    def ours() -> dict[int, bool]:
        return {int(name.rpartition("-")[2]): up for name, up in node.ipvs.up().items()}

    with node.checker(host.netns):
        yield rival, ours


def real_server(address: str, port: int, check: str) -> str:
    return f" real_server {address} {port} {{\n weight 10\n {check}\n }}\n"


async def agree(rival: Rival, ours: Callable[[], dict[int, bool]], wanted: dict[int, bool]) -> None:
    """Both have come to this."""

    def differing() -> dict[int, tuple[bool, bool | None, bool | None]]:
        theirs, own = rival.up(), ours()
        return {p: (up, theirs.get(p), own.get(p)) for p, up in wanted.items() if (theirs.get(p), own.get(p)) != (up, up)}

    await until_async(lambda: not differing(), timeout=60, what=lambda: f"port: (wanted, keepalived, ours) {differing()}")


async def test_name_servers_and_udp_servers_are_judged_alike(net: Net, node: Node, library: Path | None) -> None:
    host = net.host("director")
    loop = asyncio.get_running_loop()

    async def open_(case: Case) -> None:
        with host.entered():
            _, case.server = await loop.create_datagram_endpoint(
                lambda: UdpTarget(case.healthy), local_addr=("127.0.0.1", case.port)
            )
        case.port = case.server.port

    for case in CASES.values():
        await open_(case)
    text = HEAD + "".join(real_server("127.0.0.1", case.port, case.check) for case in CASES.values()) + "}\n"
    try:
        with both_checkers(host, node, library, text) as (rival, ours):
            await agree(rival, ours, {case.port: True for case in CASES.values()})
            for case in CASES.values():
                assert case.server is not None
                case.server.questions.clear()
                if case.bad is None:
                    case.server.close()
                else:
                    case.server.answers = case.bad
            await until_async(
                lambda: all(len(c.server.questions) >= ASKED for c in CASES.values() if c.server and c.bad),
                timeout=60,
                what="questions to all",
            )
            await agree(rival, ours, {case.port: not case.fatal for case in CASES.values()})
            for case in CASES.values():
                assert case.server is not None
                if case.bad is None:
                    await case.server.closed.wait()
                    await open_(case)
                else:
                    case.server.answers = case.healthy
            await agree(rival, ours, {case.port: True for case in CASES.values()})
    finally:
        for case in CASES.values():
            if case.server is not None:
                case.server.close()
                await case.server.closed.wait()


async def test_mail_servers_are_judged_alike(net: Net, node: Node, library: Path | None) -> None:
    host = net.host("director")
    mails = {name: Mail() for name in MAILS}
    servers = []
    with host.entered():
        for mail in mails.values():
            servers.append(await asyncio.start_server(mail.serve, "127.0.0.1", 0))
            mail.port = servers[-1].sockets[0].getsockname()[1]
    text = HEAD + "".join(real_server("127.0.0.1", mail.port, MAIL) for mail in mails.values()) + "}\n"
    try:
        with both_checkers(host, node, library, text) as (rival, ours):
            await agree(rival, ours, {mail.port: True for mail in mails.values()})
            for name, mail in mails.items():
                mail.greeted, mail.replies = 0, MAILS[name][0]
            await until_async(lambda: all(m.greeted >= ASKED for m in mails.values()), timeout=60, what="greetings by all")
            await agree(rival, ours, {mail.port: not MAILS[name][1] for name, mail in mails.items()})
            for mail in mails.values():
                mail.replies = GOOD_MAIL
            await agree(rival, ours, {mail.port: True for mail in mails.values()})
    finally:
        for server in servers:
            server.close()
        tasks = [task for mail in mails.values() for task in mail.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("allowed", ["0 0", "1 0"], ids=["ping socket", "raw socket"])
async def test_pings_and_unreachable_hosts_are_judged_alike(net: Net, node: Node, library: Path | None, allowed: str) -> None:
    """A host that is silent, one whose router says that it is unreachable, and one that has no route; over IPv4 and IPv6."""
    director, lan = net.host("director"), net.bridge("lan")
    director.join(lan, "eth0", "192.168.100.1/24", "2001:db8::1/64")
    server = net.host("server")
    server.join(lan, "eth0", "192.168.100.2/24", "2001:db8::2/64")
    for address in ("192.168.101.1/32", "192.168.101.2/32", "2001:db8:1::1/128", "2001:db8:1::2/128"):
        server.ip(f"address add {address} dev lo")
    for family, far in (("-4", "192.168.101.0/24 via 192.168.100.2"), ("-6", "2001:db8:1::/64 via 2001:db8::2")):
        director.ip(f"{family} route add {far}")
    server.sysctl("net.ipv4.ip_forward", 1)
    server.sysctl("net.ipv6.conf.all.forwarding", 1)
    server.sysctl("net.ipv4.icmp_ratelimit", 0)
    server.sysctl("net.ipv4.icmp_ratemask", 0)  # else all namespaces of this kernel share a thousand errors a second
    server.sysctl("net.ipv6.icmp.ratelimit", 0)
    ping = "PING_CHECK {\n connect_timeout 0.3\n retry 1\n delay_before_retry 0.2\n}"
    udp = UDP.format("")
    servers = {
        1: ("192.168.100.2", ping),
        2: ("2001:db8::2", ping),
        3: ("192.168.101.1", ping),
        4: ("2001:db8:1::1", ping),
        5: ("192.168.101.2", udp),
        6: ("2001:db8:1::2", udp),
    }
    sixes = [port for port, (address, _) in servers.items() if ":" in address]
    text = ""
    for family, vip in (("4", "10.50.0.1"), ("6", "2001:db8:50::1")):
        text += HEAD.replace("10.50.0.1", vip)
        text += "".join(real_server(*servers[p][:1], p, servers[p][1]) for p in servers if (p in sixes) == (family == "6"))
        text += "}\n"
    for address in ("192.168.101.2", "2001:db8:1::2"):
        server.start([sys.executable, "-c", LISTENER, address, "6" if ":" in address else "5"])
    with both_checkers(director, node, library, text) as (rival, ours):
        if allowed == "1 0":  # keepalived has opened the range for itself
            director.sysctl("net.ipv4.ping_group_range", allowed)
        await agree(rival, ours, dict.fromkeys(servers, True))
        server.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
        server.sysctl("net.ipv6.icmp.echo_ignore_all", 1)
        for address in ("192.168.101.2/32", "2001:db8:1::2/128"):
            server.ip(f"address del {address} dev lo")
            server.ip(f"route add unreachable {address}")
        await agree(rival, ours, dict.fromkeys(servers, False))
        server.sysctl("net.ipv4.icmp_echo_ignore_all", 0)
        server.sysctl("net.ipv6.icmp.echo_ignore_all", 0)
        for address in ("192.168.101.2/32", "2001:db8:1::2/128"):
            server.ip(f"route del unreachable {address}")
            server.ip(f"address add {address} dev lo")
        await agree(rival, ours, dict.fromkeys(servers, True))


async def test_files_count_alike(net: Net, node: Node, library: Path | None) -> None:
    host = net.host("director")
    text, paths = "", {}
    for port, name in enumerate(FILES, 1):
        paths[port] = node.folder / f"file{port}"
        paths[port].write_text(FILES[name][1])
        text += f"track_file f{port} {{\n file {paths[port]}\n}}\n"
    text += HEAD.replace(" alpha\n", "")
    for port, name in enumerate(FILES, 1):
        text += real_server("127.0.0.1", port, f"FILE_CHECK {{\n track_file f{port}\n {FILES[name][0]}\n}}")
    rows: dict[int, tuple[Any, ...]] = dict(enumerate(FILES.values(), 1))
    fatal = {port: row[3] for port, row in rows.items()}
    weights = {port: row[4] for port, row in rows.items() if row[4] is not None}

    def own_weights() -> dict[int, int]:
        found = {int(name.rpartition("-")[2]): health for (_, name), health in node.ipvs.health.items()}
        return {port: max(0, 10 + found[port].weight_adjustment) for port in weights}

    with both_checkers(host, node, library, text + "}\n") as (rival, ours):
        await until_async(lambda: ours() == dict.fromkeys(rows, True), what="all up here")
        await until_async(lambda: "Startup complete" in rival.output(), what="keepalived's start")
        for port, path in paths.items():
            path.write_text(rows[port][2])
        down = {port for port, is_fatal in fatal.items() if is_fatal}
        await until_async(lambda: {p for p, up in ours().items() if not up} == down, what="those that are down here")
        await until_async(lambda: rival.faults() == down, what=rival.output)
        await until_async(lambda: own_weights() == weights, what="the weights here")
        await until_async(lambda: rival.weights() == weights, what=rival.output)
