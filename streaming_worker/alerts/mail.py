"""One mail over SMTP: built by the standard library, sent with a time limit, never with a secret in an error."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from streaming_worker.config import SmtpConfig
from streaming_worker.errors import MailError

# Right side of message ids; a reserved name that nobody can own.
DOMAIN: Final = "arb-platform.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail goes. ``tls`` is none, starttls or tls; ``user`` None sends without a login."""

    host: str
    port: int
    tls: str = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 20.0

    def send(self, message: EmailMessage) -> None:
        """Hand one message over. Raises MailError saying which server refused what."""
        try:
            with self._connection() as smtp:
                if self.tls == "starttls":
                    smtp.starttls(context=ssl.create_default_context())
                if self.user is not None:
                    smtp.login(self.user, self.password or "")
                smtp.send_message(message)
        except (OSError, smtplib.SMTPException) as e:
            raise MailError(f"mail server {self.host}:{self.port} did not take the mail: {e}") from e

    def _connection(self) -> smtplib.SMTP:
        if self.tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)


def smtp_server(config: SmtpConfig) -> SmtpServer:
    """Return the server that the settings name."""
    return SmtpServer(host=config.host, port=config.port, tls=config.tls, user=config.user, password=config.password)


def letter(*, sender: str, recipients: Sequence[str], subject: str, text: str, html: str | None = None) -> EmailMessage:
    """Return a mail; line breaks never reach a header."""
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message
