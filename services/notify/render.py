"""What is said to whom about one event? The programs to run and the mail to send, in keepalived's words.

Core. Measured on keepalived 2.2.7: arguments of programs, subjects and texts of mails, which states are mailed (never INIT
and STOP), the order (notify_STATE before notify), and the defaults (mail off for virtual routers and virtual servers, on
for real servers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.notify.settings import Book, Global, Id, RealServer, VirtualServer, Vrrp

NOTIFIED = {"MASTER": "notify_master", "BACKUP": "notify_backup", "FAULT": "notify_fault", "STOP": "notify_stop"}
MAILED = ("MASTER", "BACKUP", "FAULT")


@dataclass(frozen=True, slots=True)
class VrrpChange:
    """An instance or sync group changed state. States are capital words; a group's priority is 0."""

    kind: str  # "vrrp_instance" or "vrrp_sync_group"
    name: str
    before: str
    now: str
    priority: int
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ServerChange:
    """A real server came up or went down."""

    virtual_server: str
    real_server: str
    up: bool
    cause: str = ""


@dataclass(frozen=True, slots=True)
class QuorumChange:
    """A virtual server gained or lost its quorum."""

    name: str
    up: bool
    live_weight: int
    quorum: int


Happening = VrrpChange | ServerChange | QuorumChange


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: its words, and what is added to its environment."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to do. Deliveries of one subscriber are done one after the other, those of different ones at once."""

    subscriber: str  # "script:vrrp_instance/VI_1", "script:global", "smtp"
    keyword: str  # "notify_master", "notify", "quorum_up", "mail"
    what: Command | Mail

    @property
    def sink(self) -> str:
        """ "script" or "smtp"."""
        return self.subscriber.partition(":")[0]


def subject_of(happening: Happening) -> Id:
    """The object of the configuration that this is about."""
    match happening:
        case VrrpChange():
            return happening.kind, happening.name
        case ServerChange():
            return "real_server", f"{happening.virtual_server}/{happening.real_server}"
        case QuorumChange():
            return "virtual_server", happening.name


def deliveries(happening: Happening, book: Book, node: str, environment: Mapping[str, str]) -> tuple[Delivery, ...]:
    """All that is to be done about it, in order within each subscriber."""
    extra = tuple(sorted(environment.items()))
    return (*_programs(happening, book, extra), *_mails(happening, book, node))


def _programs(happening: Happening, book: Book, extra: tuple[tuple[str, str], ...]) -> Iterator[Delivery]:
    kind, name = subject_of(happening)
    wants = book.find((kind, name))
    own = {} if wants is None or isinstance(wants, Global) else wants.programs
    arguments = _arguments(happening)
    for keyword in _keywords(happening):
        if keyword in own:
            words = own[keyword] + (arguments if keyword == "notify" else ())
            yield Delivery(f"script:{kind}/{name}", keyword, Command(words, extra))
    if book.general.notify and arguments:
        yield Delivery("script:global", "notify", Command(book.general.notify + arguments, extra))


def _keywords(happening: Happening) -> tuple[str, ...]:
    match happening:
        case VrrpChange():
            return (NOTIFIED[happening.now], "notify") if happening.now in NOTIFIED else ()
        case ServerChange():
            return ("notify_up" if happening.up else "notify_down",)
        case QuorumChange():
            return ("quorum_up" if happening.up else "quorum_down",)


def _arguments(happening: Happening) -> tuple[str, ...]:
    """The four words that keepalived appends to `notify`; none where it appends none."""
    if not isinstance(happening, VrrpChange) or happening.now not in NOTIFIED:
        return ()
    group = happening.kind == "vrrp_sync_group"
    return ("GROUP" if group else "INSTANCE", happening.name, happening.now, "0" if group else str(happening.priority))


def _mails(happening: Happening, book: Book, node: str) -> Iterator[Delivery]:
    general = book.general
    if not (general.notification_email and general.smtp_server and _wants_mail(happening, book)):
        return
    about, text = _said(happening, book)
    sender = general.notification_email_from or f"keepalived@{node}"
    mail = Mail(sender, general.notification_email, f"[{general.router_id or node}] {about}", text)
    yield Delivery("smtp", "mail", mail)


def _wants_mail(happening: Happening, book: Book) -> bool:
    """keepalived's precedence: the object's own word, the subsystem's, everybody's, the default."""
    wants, general = book.find(subject_of(happening)), book.general
    own = None if wants is None or isinstance(wants, Global) else wants.smtp_alert
    if isinstance(happening, VrrpChange):
        return happening.now in MAILED and _first(own, general.smtp_alert_vrrp, general.smtp_alert, False)
    default = isinstance(happening, ServerChange)
    return _first(own, general.smtp_alert_checker, general.smtp_alert, default)


def _first(*answers: bool | None) -> bool:
    return next(answer for answer in answers if answer is not None)


def _said(happening: Happening, book: Book) -> tuple[str, str]:
    """Subject (without the router's id) and text."""
    match happening:
        case VrrpChange(kind="vrrp_sync_group"):
            said = f"All VRRP group instances are now in {happening.now} state"
            return f"VRRP Group {happening.name} - Entering {happening.now} state", _body(said, happening.cause)
        case VrrpChange():
            said = f"VRRP Instance is {'now' if happening.now == 'MASTER' else 'no longer'} owning VRRP VIPs"
            return f"VRRP Instance {happening.name} - Entering {happening.now} state", _body(said, happening.cause)
        case ServerChange():
            up = "UP" if happening.up else "DOWN"
            place, service = _places(happening, book)
            said = f"CHECK {'succeed' if happening.up else 'failed'} on service"
            return f"Realserver {place} of virtual server {service} - {up}", _body(said, happening.cause)
        case QuorumChange():
            up = "UP" if happening.up else "DOWN"
            wants = book.find(("virtual_server", happening.name))
            place, slack = (wants.place, wants.hysteresis) if isinstance(wants, VirtualServer) else (happening.name, 0)
            need = f"{happening.quorum}+{slack}={happening.quorum + slack}"
            said = f"{'Gained' if happening.up else 'Lost'} quorum {need} <= {happening.live_weight}"
            return f"Virtualserver {place} - {up}", _body(said, "")


def _places(happening: ServerChange, book: Book) -> tuple[str, str]:
    """The real server's and the virtual server's names in keepalived's mails."""
    service = book.find(("virtual_server", happening.virtual_server))
    server = book.find(subject_of(happening))
    protocol = service.protocol if isinstance(service, VirtualServer) else "none"
    place = happening.real_server
    if isinstance(server, RealServer):
        place = f"[{server.address}]:{protocol}:{server.port}"
    return place, service.place if isinstance(service, VirtualServer) else happening.virtual_server


def _body(said: str, cause: str) -> str:
    lines = [f"=> {said} <="]
    if cause:
        lines += ["", " ".join(cause.split())]
    return "\n".join(lines) + "\n"


def subscribers(book: Book) -> tuple[str, ...]:
    """Everybody who is subscribed now, in order of name."""
    found = {"script:global" if kind == "global" else f"script:{kind}/{name}" for (kind, name), _, _ in book.commands()}
    if book.general.notification_email and book.general.smtp_server:
        found.add("smtp")
    return tuple(sorted(found))


def known(happening: Happening, book: Book) -> bool:
    """Whether the object is, or lately was, in the configuration: news of it may come before it does."""
    wants = book.find(subject_of(happening))
    return isinstance(wants, Vrrp | RealServer | VirtualServer)
