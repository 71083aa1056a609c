"""What does an address owner say before this program has loaded anything? The adverts that its engine wrote down for it.

The agent keeps them at the head of engine.json, so they are of the configuration that the engine will start with: what is
sent here is what that engine says a few dozen milliseconds later. Said only where nothing can have changed that: same
program, same settings, no hand-over of a predecessor, an interface that is up and has the source address
(docs/adr/0010). Decides nothing else, and never keeps the service from starting.

Imports what is built into the interpreter alone: `os`, `socket`, `struct` and `json` would each cost as much as all of this,
and even `__future__` is a file.
"""

import _socket
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HEAD = b' "first": ['  # line 2 of engine.json; one text a line follows, then TAIL
TAIL = b" ]"
MOST = 1 << 16  # bytes of engine.json that are read
STATE_DIR = "/var/lib/vipkeeper/vrrp"
SETTING = b"VIPKEEPER_"
PRIVATE = (b"CONTROL_FD", b"FIRST", b"SUCCESSOR", b"RESUME", b"TRIAL")  # are no settings, but this service's own
SIOCGIFFLAGS = 0x8913  # linux/sockios.h
IFF_UP_RUNNING = 0x41
IFA_ADDRESS, IFA_LOCAL = 1, 2  # linux/if_addr.h
IFA_UNUSABLE = 0x48  # IFA_F_TENTATIVE, IFA_F_DADFAILED
RTM_NEWADDR, RTM_GETADDR, NLMSG_ERROR, NLMSG_DONE = 20, 22, 2, 3
NLM_F_REQUEST_DUMP = 0x301
TC_PRIO_CONTROL = 7  # linux/pkt_sched.h
PACKET = 40  # bytes that no advert is shorter than, with its IP header; of IPv6, of which there is more


def circumstances(arguments: "Sequence[str]", environment: "Mapping[bytes, bytes]") -> str:
    """What the first words hold under: this program, its command line, its settings. One word."""
    program = posix.stat(__file__)
    settings = sorted(
        name + b"=" + value
        for name, value in environment.items()
        if name[: len(SETTING)] == SETTING and name[len(SETTING) :] not in PRIVATE
    )
    words = [f"{program.st_ino} {program.st_ctime_ns}".encode()]
    words += [word.encode("utf-8", "surrogateescape") for word in arguments] + settings
    return b"\0".join(words).hex()


def state_dir(arguments: "Sequence[str]", environment: "Mapping[bytes, bytes]") -> str:
    """Where engine.json is, if the command line can be meant; `services.common.options` judges that."""
    found = environment.get(b"VIPKEEPER_STATE_DIR", b"").decode("utf-8", "surrogateescape") or STATE_DIR
    for at, word in enumerate(arguments):
        if word[:12] == "--state-dir=":
            found = word[12:]
        elif word == "--state-dir":
            found = arguments[at + 1] if at + 1 < len(arguments) else ""
    return found


def written(path: str) -> list[str]:
    """The texts at the head of engine.json; none where it is missing, or of another kind.

    :raises OSError: it cannot be read.
    """
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        lines = posix.read(fd, MOST).split(b"\n")
    finally:
        posix.close(fd)
    if len(lines) < 3 or lines[1] != HEAD:
        return []
    texts: list[str] = []
    for line in lines[2:]:
        if line[: len(TAIL)] == TAIL:
            return texts
        texts.append(line.strip(b' ",').decode())
    return []


def say(words: "Iterable[str]") -> int:
    """Send each advert, `INTERFACE HEX`, whose interface and source are what they were; gives how many were sent.

    :raises OSError: the kernel refuses.
    :raises ValueError: a word is none.
    """
    packets = []
    for word in words:
        name, _, text = word.partition(" ")
        packets.append((name, bytes.fromhex(text)))
    usable = _addresses() if packets else set()
    sockets: dict[tuple[str, int], _socket.socket] = {}
    sent = 0
    for name, packet in packets:
        family = _socket.AF_INET if packet[0] >> 4 == 4 else _socket.AF_INET6
        source, to = (packet[12:16], packet[16:20]) if family == _socket.AF_INET else (packet[8:24], packet[24:40])
        try:
            number = _socket.if_nametoindex(name)
        except OSError:
            continue
        if len(packet) < PACKET - 8 or (number, source) not in usable:
            continue
        sock = sockets.get((name, family))
        if sock is None:
            sock = _sender(name, number, family)
            if sock is None:
                continue
            sockets[name, family] = sock
        alone = _socket.MSG_DONTROUTE if family == _socket.AF_INET and to[0] >> 4 == 14 else 0
        sock.sendto(packet, alone, (_socket.inet_ntop(family, to), 0))
        sent += 1
    for sock in sockets.values():
        sock.close()
    return sent


def _sender(name: str, number: int, family: int) -> _socket.socket | None:
    """A socket for whole packets as `wire.sockets` has it; None where the interface is down."""
    import fcntl  # built in as well, where Debian built it

    sock = _socket.socket(family, _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC, _socket.IPPROTO_RAW)
    request = name.encode().ljust(40, b"\0")
    flags = int.from_bytes(fcntl.ioctl(sock.fileno(), SIOCGIFFLAGS, request)[16:18], sys.byteorder)
    if flags & IFF_UP_RUNNING != IFF_UP_RUNNING:
        sock.close()
        return None
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, name.encode())
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_PRIORITY, TC_PRIO_CONTROL)
    if family == _socket.AF_INET:
        member = bytes(8) + number.to_bytes(4, sys.byteorder)  # struct ip_mreqn
        sock.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_IF, member)
        sock.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_LOOP, 0)
    else:
        sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_MULTICAST_IF, number)
        sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_MULTICAST_LOOP, 0)
    return sock


def _addresses() -> set[tuple[int, bytes]]:
    """Every usable address with the number of its interface, by rtnetlink."""
    order = sys.byteorder
    found: set[tuple[int, bytes]] = set()
    sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    try:
        sock.settimeout(1)
        header = (24).to_bytes(4, order) + RTM_GETADDR.to_bytes(2, order) + NLM_F_REQUEST_DUMP.to_bytes(2, order)
        sock.send(header + bytes(8) + bytes(8))  # sequence and port; struct ifaddrmsg
        while True:
            data = sock.recv(1 << 16)
            at = 0
            while at + 16 <= len(data):
                length, kind = int.from_bytes(data[at : at + 4], order), int.from_bytes(data[at + 4 : at + 6], order)
                if kind in (NLMSG_DONE, NLMSG_ERROR) or length < 16:
                    return found
                if kind == RTM_NEWADDR and not data[at + 18] & IFA_UNUSABLE:
                    number = int.from_bytes(data[at + 20 : at + 24], order)
                    found.add((number, _address(data[at + 24 : at + length])))
                at += length + 3 & ~3
    finally:
        sock.close()


def _address(attributes: bytes) -> bytes:
    """IFA_LOCAL, or IFA_ADDRESS where there is none."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(attributes):
        length = int.from_bytes(attributes[at : at + 2], sys.byteorder)
        if length < 4:
            break
        found[int.from_bytes(attributes[at + 2 : at + 4], sys.byteorder)] = attributes[at + 4 : at + length]
        at += length + 3 & ~3
    return found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")


def speak(arguments: "Sequence[str]") -> bool:
    """Say what there is to say first. True: engine.json was written by this very program under these very settings."""
    environment = posix.environ
    if any(SETTING + name in environment for name in PRIVATE):
        return False  # a reload: who speaks is alive
    try:
        texts = written(state_dir(arguments, environment) + "/engine.json")
        if not texts or texts[0] != circumstances(arguments, environment):
            return False
        if b"LISTEN_FDS" not in environment:  # else a predecessor's hand-over says who was master, and the engine reads it
            say(texts[1:])
    except Exception:  # whatever it is, the service starts as it does without first words
        return False
    return True
