"""How does a mail leave? One attempt at one mail, in plain SMTP as keepalived speaks it (RFC 5321), and what came of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from services.notify.order import Outcome
from services.notify.render import Mail
from services.notify.settings import SmtpServer

_POLICY = SMTP.clone(max_line_length=998)  # a subject stays on one line
REPLIES = 8  # connection, HELO, MAIL, RCPT, DATA, text, QUIT and one to spare: each may take the time limit


def compose(mail: Mail, event_id: str, at_ns: int, node: str) -> bytes:
    """The message on the wire. Its Message-ID comes from the event: who gets it twice can tell."""
    message = EmailMessage(policy=_POLICY)
    message["Date"] = format_datetime(datetime.fromtimestamp(at_ns / 1e9, UTC))
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{event_id}@{node}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Mailer"] = "vipkeeper"
    message.set_content(mail.text)
    return message.as_bytes()


async def send(server: SmtpServer, mail: Mail, message: bytes, *, helo: str, limit_s: float) -> Outcome:
    """Hand it to the server. `limit_s`: for connecting and for each reply. Replies of 500 to 599 are permanent."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=limit_s,
        local_hostname=helo or None,
        use_tls=False,
        start_tls=False,
    )
    where = f"{server.host} port {server.port}"
    try:
        async with asyncio.timeout(limit_s * REPLIES), client:
            refused, _ = await client.sendmail(mail.sender, list(mail.recipients), message)
    except aiosmtplib.SMTPRecipientsRefused as error:
        permanent = all(500 <= one.code < 600 for one in error.recipients)
        return Outcome(False, f"{where} refuses every recipient: {error.recipients[0].message}", permanent)
    except aiosmtplib.SMTPResponseException as error:
        permanent = 500 <= error.code < 600
        return Outcome(False, f"{where} answers {error.code} {error.message}", permanent)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        short = cause.strerror.lower() if isinstance(cause, OSError) and cause.strerror else str(error)
        said = short or f"no answer within {limit_s:g} s"
        return Outcome(False, f"{where}: {said}")
    if refused:
        names = ", ".join(sorted(refused))
        return Outcome(True, f"{where} refuses some recipients: {names}")
    return Outcome(True)
