"""The ways to the operators, as the console shows and tries them: those of the alerts, with what a server refused."""

from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.mailbox import Mailbox
from streaming_worker.alerts import AlertHistory
from streaming_worker.api.channels import channel_test, channels
from streaming_worker.config import load_config
from streaming_worker.errors import RequestRefused


def test_a_channel_is_shown_without_its_address_and_tried_out(tmp_path: Path) -> None:
    with Mailbox() as box:
        config = load_config(None, {"ARB_DATA_DIR": str(tmp_path), "ARB_PORT_SMTP": str(box.port)})
        (shown,) = channels(config)
        assert (shown.name, shown.kind, shown.is_configured) == ("mail", "email", True)
        assert "@" not in shown.detail
        result = channel_test(config, "mail", "anna")
        assert (result.is_delivered, result.detail) == (True, "the message was taken")
        box.is_refusing = True
        refused = channel_test(config, "mail", "anna")
        assert not refused.is_delivered
        assert "try again later" in refused.detail
    assert len(box.mails) == 1
    rows = AlertHistory(config.paths.state / "alerts.db").recent()
    assert [(row.kind, row.source) for row in rows] == [("test", "console, anna")] * 2


def test_a_channel_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="there is no such channel"):
        channel_test(load_config(None, {"ARB_DATA_DIR": str(tmp_path)}), "pigeon", "anna")
