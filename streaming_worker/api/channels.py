"""The ways to the operators as they are configured, and a test of each; what is an address is never told."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final

from streaming_worker.api.schemas.people import AlertChannel, ChannelTest
from streaming_worker.config import Config
from streaming_worker.errors import RequestRefused

EMAIL: Final = "email"
_TIMEOUT_S: Final = 10.0


def channels(config: Config) -> list[AlertChannel]:
    """Return every way."""
    smtp = config.smtp
    detail = f"{len(smtp.recipients)} recipient(s)" + (", kept on this machine (demo)" if smtp.sink else "")
    return [AlertChannel(name=EMAIL, kind="email", is_configured=bool(smtp.recipients), detail=detail)]


def channel_test(config: Config, name: str, actor: str) -> ChannelTest:
    """Send a test message. Blocks. Raises RequestRefused for a way that is not there."""
    if name not in {one.name for one in channels(config)}:
        raise RequestRefused(404, "not_found", "there is no such channel")
    message = EmailMessage()
    message["Subject"] = "[arb] test message"
    message["From"] = config.smtp.sender
    message["To"] = ", ".join(config.smtp.recipients)
    message.set_content(f"{actor} asked for this test message. Nothing is wrong.\n")
    try:
        _send(config, message)
    except (OSError, smtplib.SMTPException) as e:
        return ChannelTest(name=name, is_delivered=False, detail=f"the mail server did not take it: {type(e).__name__}")
    return ChannelTest(name=name, is_delivered=True, detail="the mail server took it")


def _send(config: Config, message: EmailMessage) -> None:
    smtp = config.smtp
    context = ssl.create_default_context()
    if smtp.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=_TIMEOUT_S)
    with server:
        if smtp.tls == "starttls":
            server.starttls(context=context)
        if smtp.user is not None and smtp.password is not None:
            server.login(smtp.user, smtp.password)
        server.send_message(message)
