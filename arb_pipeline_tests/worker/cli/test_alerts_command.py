"""What an operator asks of alerts on the command line, against a real file and a real mail server."""

import json
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.worker.alerts.conftest import NOON_NS, alert
from streaming_worker.alerts import open_desk
from streaming_worker.cli import run
from streaming_worker.config import load_config


def at(folder: Path, monkeypatch: pytest.MonkeyPatch, smtp_port: int = 1) -> dict[str, str]:
    """Set the environment of the command; return it."""
    environ = {"ARB_DATA_DIR": str(folder), "ARB_PORT_SMTP": str(smtp_port)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


def test_history_says_what_became_of_each_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = at(tmp_path, monkeypatch)
    assert run(["alerts", "ls"]) == 0
    assert capsys.readouterr().out == "no alert\n"
    desk = open_desk(load_config(None, environ), now=lambda: NOON_NS)
    desk.raise_alert(alert())
    desk.send_due()
    assert run(["alerts", "ls", "--open"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2025-03-10 12:00:00 UTC  warning   worker main is warning  (open)"
    assert lines[1].startswith("    mail: opened waiting (retry): mail server 127.0.0.1:1 did not take the mail")
    assert run(["alerts", "channels"]) == 1
    assert "mail: email, from info on; 1 messages not taken: mail server" in capsys.readouterr().out
    assert run(["alerts", "channels", "--json"]) == 1
    ((channel),) = json.loads(capsys.readouterr().out)["channels"]
    assert (channel["name"], channel["unsent"]) == ("mail", 1)
    desk.resolve("worker_state:main", "well")
    assert run(["alerts", "ls", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["alerts"]
    assert (row["key"], row["resolution"]) == ("worker_state:main", "well")


def test_a_channel_is_tried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Mailbox() as box:
        at(tmp_path, monkeypatch, box.port)
        assert run(["alerts", "test", "mail"]) == 0
        assert capsys.readouterr().out == "mail took the message\n"
        box.is_refusing = True
        assert run(["alerts", "test", "mail"]) == 1
        assert "try again later" in capsys.readouterr().out
        assert run(["alerts", "test", "pigeon"]) == 2
    (mail,) = box.mails
    assert mail["Subject"] == "[arb] TEST: this is a test of channel mail"
