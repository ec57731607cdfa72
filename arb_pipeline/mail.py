"""One mail over SMTP: built by the standard library, sent with a time limit, never with a secret in an error."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid

from arb_pipeline.errors import MailError


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


def text_mail(*, sender: str, recipients: list[str], subject: str, text: str) -> EmailMessage:
    """Return a plain mail; line breaks never reach a header."""
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Message-ID"] = make_msgid(domain="arb-platform.invalid")
    message.set_content(text)
    return message
