"""The ways out against real servers: a mail server, a web server; what they refuse is said without a secret."""

import socket
from pathlib import Path

import apprise
import pytest

import arb_pipeline_tests.fixtures.apprise_loaded  # noqa: F401  (before apprise is used)
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.webhook import Webhook
from arb_pipeline_tests.worker.alerts.conftest import NOON_NS, alert
from streaming_worker.alerts import AlertDesk, Severity, open_desk
from streaming_worker.alerts.channel import AppriseSender, check_url, with_identity, without_keys
from streaming_worker.config import load_config
from streaming_worker.errors import ConfigError, DeliveryError

SETTINGS = """
[[alert_channels]]
name = "mail"
kind = "email"
recipients = ["desk@example.test", "boss@example.test"]

[[alert_channels]]
name = "chat"
kind = "apprise"
min_severity = "warning"
"""


def desk_at(folder: Path, *, smtp_port: int, url: str, settings: str = SETTINGS) -> AlertDesk:
    """Return a desk out of a file of settings, a variable with the URL, and a clock that stands."""
    file = folder / "arb.toml"
    file.write_text(settings)
    environ = {
        "ARB_CONFIG": str(file),
        "ARB_DATA_DIR": str(folder / "data"),
        "ARB_PORT_SMTP": str(smtp_port),
        "ARB_ALERT_URL_CHAT": url,
    }
    return open_desk(load_config(None, environ), now=lambda: NOON_NS)


def test_a_mail_and_a_web_message_carry_the_same_facts(tmp_path: Path) -> None:
    with Mailbox() as box, Webhook() as hook:
        desk = desk_at(tmp_path, smtp_port=box.port, url=hook.url)
        desk.raise_alert(alert(severity=Severity.CRITICAL, detail="gemini: lost, close code 1006"))
        assert desk.send_due().sent == 2
        desk.resolve("worker_state:main", "it is well again")
        assert desk.send_due().sent == 2
    opened, resolved = box.mails
    assert opened["Subject"] == "[arb] CRITICAL: worker main is critical"
    assert opened["To"] == "desk@example.test, boss@example.test"
    assert opened["Importance"] == "high"
    assert opened["References"] == resolved["References"]
    assert opened["Message-ID"] != resolved["Message-ID"]
    assert [part.get_content_type() for part in opened.walk()][1:] == ["text/plain", "text/html"]
    assert "gemini: lost, close code 1006" in opened.get_body(("plain",)).get_content()
    assert [(body["type"], body["title"]) for body in hook.received] == [
        ("failure", "[arb] CRITICAL: worker main is critical"),
        ("success", "[arb] RESOLVED: worker main is critical"),
    ]
    assert "gemini: lost, close code 1006" in hook.received[0]["message"]
    assert "RUNBOOK.md#worker_state" in hook.received[0]["message"]


def test_a_broken_mail_server_holds_no_other_channel_up_and_is_named(tmp_path: Path) -> None:
    with Mailbox() as box, Webhook() as hook:
        desk = desk_at(tmp_path, smtp_port=box.port, url=hook.url)
        box.is_refusing = True
        desk.raise_alert(alert())
        outcome = desk.send_due()
    assert outcome.sent == len(hook.received) == 1
    assert "did not take the mail: " in outcome.refusals[0]
    assert "try again later" in outcome.refusals[0]
    assert [channel for channel, _, _ in desk.history.unsent()] == ["mail"]


def test_what_a_web_service_refuses_is_said_without_its_key(tmp_path: Path) -> None:
    with Webhook() as hook:
        sender = AppriseSender(name="chat", url=hook.url)
        desk = desk_at(tmp_path, smtp_port=1, url=hook.url)
        hook.is_refusing = True
        with pytest.raises(DeliveryError, match="channel chat did not take the message") as refused:
            desk.test_channel("chat", source="a test")
        assert "503" in str(refused.value)
        assert "very-secret-key" not in f"{refused.value}{sender!r}{desk.channels!r}"


def test_nobody_listening_ends_the_wait_with_a_reason(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        desk = desk_at(tmp_path, smtp_port=1, url=f"json://127.0.0.1:{taken.getsockname()[1]}/very-secret-key")
        with pytest.raises(DeliveryError) as refused:
            desk.test_channel("chat", source="a test")
    assert "very-secret-key" not in str(refused.value)


def test_apprise_may_carry_mail_too(tmp_path: Path) -> None:
    with Mailbox() as box:
        url = f"mailto://127.0.0.1:{box.port}?from=arb@example.test&to=night@example.test&mode=insecure"
        desk = desk_at(tmp_path, smtp_port=1, url=url)
        desk.test_channel("chat", source="a test")
    (mail,) = box.mails
    assert "night@example.test" in mail["To"]
    assert "this is a test of channel chat" in str(mail["Subject"])


@pytest.mark.parametrize("query", ["", "?region=eu"])
def test_pagerduty_closes_the_incident_of_the_same_alert(query: str) -> None:
    plugin = apprise.Apprise.instantiate(
        with_identity(f"pagerduty://integrationkey@routingkey{query}", "worker_state:main")
    )
    assert (plugin.action, plugin.dedup) == ("map", "worker_state:main")
    assert plugin.region_name == (query.partition("=")[2] or "us")
    assert with_identity("slack://a/b/c", "x") == "slack://a/b/c"


@pytest.mark.parametrize(
    ("text", "url", "expected"),
    [
        ("no answer from TokenA123 for user", "slack://TokenA123/TokenB456/Secret789", "no answer from *** for user"),
        ("https://hooks.example.test/T1/B2/abcdefgh is gone", "https://hooks.example.test/T1/B2/abcdefgh",
         "https://hooks.example.test/T1/B2/*** is gone"),
        ("login desk:hunter22 refused", "mailto://deskuser:hunter22@mail.example.test", "login desk:*** refused"),
        ("key 0123456789 is wrong", "json://host/x?token=0123456789", "key *** is wrong"),
    ],
)  # fmt: skip
def test_whatever_may_be_a_key_is_hidden(text: str, url: str, expected: str) -> None:
    assert without_keys(text, url) == expected


def test_a_url_that_no_service_has_is_said_when_it_is_used(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, smtp_port=1, url="nosuchservice://very-secret-key")
    with pytest.raises(DeliveryError, match="channel chat: its URL is not one that apprise understands"):
        desk.test_channel("chat", source="a test")


def test_a_url_that_no_service_has_is_refused_without_being_shown() -> None:
    check_url("chat", "json://127.0.0.1/x")
    with pytest.raises(ConfigError, match="alert channel chat: expected a URL that apprise understands") as refused:
        check_url("chat", "nosuchservice://very-secret-key")
    assert "very-secret-key" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "environ", "message"),
    [
        (SETTINGS, {}, "chat: expected its URL in ARB_ALERT_URL_CHAT or ARB_ALERT_URL_CHAT_FILE"),
        (SETTINGS, {"ARB_ALERT_URL_CHAT": "no url"}, "chat: expected its URL in ARB_ALERT_URL_CHAT"),
        ("", {"ARB_ALERT_URL_CHAT": "json://x/y"}, "ARB_ALERT_URL_CHAT: no alert channel has this name"),
        (SETTINGS.replace("chat", "mail"), {}, "alert_channels: expected different names, received mail, mail"),
        (SETTINGS.replace('kind = "email"', 'kind = "email"\nurl = "json://x"'), {}, "unknown key alert_channels"),
        (SETTINGS.replace("warning", "loud"), {}, "expected one of info, warning, critical"),
    ],
)
def test_channels_that_cannot_work_are_refused_in_one_line(
    tmp_path: Path, settings: str, environ: dict[str, str], message: str
) -> None:
    file = tmp_path / "arb.toml"
    file.write_text(settings)
    with pytest.raises(ConfigError, match=message):
        load_config(file, environ)


def test_a_channels_url_may_stand_in_a_file_of_its_owner(tmp_path: Path) -> None:
    secret, file = tmp_path / "chat-url", tmp_path / "arb.toml"
    file.write_text(SETTINGS)
    secret.write_text("slack://TokenA123/TokenB456/Secret789/#ops\n")
    secret.chmod(0o640)
    environ = {"ARB_ALERT_URL_CHAT_FILE": str(secret)}
    with pytest.raises(ConfigError, match="has mode 0640; expected 0600"):
        load_config(file, environ)
    secret.chmod(0o600)
    config = load_config(file, environ)
    assert config.alerts.channels[1].url == "slack://TokenA123/TokenB456/Secret789/#ops"
    assert "TokenB456" not in repr(config)


def test_the_demo_tells_the_operator_by_mail() -> None:
    (channel,) = load_config(None, {}).alerts.channels
    assert (channel.name, channel.kind, channel.min_severity) == ("mail", "email", "info")
