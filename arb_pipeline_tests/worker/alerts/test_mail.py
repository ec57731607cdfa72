"""Sending: what is refused is named with its server, never with a secret."""

import smtplib
import socket
from email.message import EmailMessage

import pytest

from arb_pipeline_tests.fixtures.mailbox import Mailbox
from streaming_worker.alerts.mail import SmtpServer, letter
from streaming_worker.errors import MailError


@pytest.fixture
def message() -> EmailMessage:
    """Any mail."""
    return letter(sender="a@example.test", recipients=["b@example.test"], subject="hello", text="text")


def test_nobody_listening_is_said_with_host_and_port(message: EmailMessage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(MailError, match=f"mail server 127.0.0.1:{port} did not take the mail"):
            SmtpServer(host="127.0.0.1", port=port, timeout_seconds=2).send(message)


def test_a_server_that_says_no_is_quoted(message: EmailMessage) -> None:
    with Mailbox() as box:
        box.is_refusing = True
        with pytest.raises(MailError, match="try again later"):
            SmtpServer(host="127.0.0.1", port=box.port).send(message)


@pytest.mark.parametrize("options", [{"tls": "starttls"}, {"user": "desk", "password": "hunter2"}])
def test_what_the_server_cannot_do_is_refused_and_the_password_stays_inside(
    message: EmailMessage, options: dict[str, str]
) -> None:
    with Mailbox() as box:
        server = SmtpServer(host="127.0.0.1", port=box.port, **options)
        with pytest.raises(MailError) as refused:
            server.send(message)
        assert isinstance(refused.value.__cause__, smtplib.SMTPException)
        assert "hunter2" not in f"{refused.value} {server!r}"
        assert box.mails == []


def test_a_server_that_never_answers_ends_the_wait(message: EmailMessage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailError, match="timed out"):
            SmtpServer(host="127.0.0.1", port=port, timeout_seconds=0.2).send(message)
        with pytest.raises(MailError):
            SmtpServer(host="127.0.0.1", port=port, tls="tls", timeout_seconds=0.2).send(message)


def test_a_subject_is_one_line_whatever_it_was_made_of() -> None:
    with Mailbox() as box:
        subject = "x\r\nBcc: c@example.test"
        mail = letter(sender="a@example.test", recipients=["b@example.test"], subject=subject, text="é")
        SmtpServer(host="127.0.0.1", port=box.port).send(mail)
    (received,) = box.mails
    assert received["Subject"] == "x Bcc: c@example.test"
    assert received["Bcc"] is None
    assert received.get_content().strip() == "é"
