"""Raised once, told by severity, worse told as worse, resolved once, retried with a cap, and all of it on record."""

import threading
from pathlib import Path

import pytest

from arb_pipeline_tests.worker.alerts.conftest import MINUTE_NS, NOON_NS, Scene, alert
from streaming_worker.alerts import Severity, open_desk
from streaming_worker.alerts.ledger import MOST_ATTEMPTS, retry_delay_ns
from streaming_worker.config import load_config
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError, DeliveryError, StorageError


def test_what_stays_wrong_is_told_once_and_counted(scene: Scene) -> None:
    assert scene.wrong() is True
    scene.now_ns += MINUTE_NS
    assert scene.wrong(detail="still, and more") is False
    assert scene.mail.subjects == ["WARNING: worker main is warning"]
    (row,) = scene.desk.history.recent()
    assert (row.seen_count, row.opened_ns, row.seen_ns) == (2, NOON_NS, NOON_NS + MINUTE_NS)
    assert row.detail == "still, and more"
    assert row.context == {"Feed": "gemini"}


def test_two_subjects_of_one_kind_are_two_alerts(scene: Scene) -> None:
    scene.wrong("a")
    scene.wrong("b")
    assert len(scene.mail.messages) == 2
    assert scene.desk.history.open_keys() == {"worker_state:a", "worker_state:b"}


def test_only_who_wants_to_know_of_a_severity_is_told(scene: Scene) -> None:
    scene.wrong("a", Severity.WARNING)
    scene.wrong("b", Severity.CRITICAL)
    assert scene.pager.subjects == ["CRITICAL: worker b is critical"]
    assert len(scene.mail.messages) == 2


def test_worse_is_told_and_reaches_who_was_not_told_before(scene: Scene) -> None:
    scene.wrong(severity=Severity.WARNING)
    assert scene.wrong(severity=Severity.CRITICAL) is True
    assert scene.wrong(severity=Severity.WARNING) is False
    assert scene.mail.subjects == ["WARNING: worker main is warning", "CRITICAL: worker main is critical"]
    assert scene.pager.subjects == ["CRITICAL: worker main is critical"]
    assert scene.statuses() == [
        ("mail", "opened", "sent"), ("mail", "worse", "sent"), ("pager", "opened", "sent"),
    ]  # fmt: skip
    assert scene.desk.history.recent()[0].severity == "critical"


def test_the_end_is_told_to_who_was_told_with_how_long_it_took(scene: Scene) -> None:
    scene.wrong()
    scene.now_ns += 90 * MINUTE_NS
    assert scene.well() is True
    assert scene.well() is False
    message = scene.mail.messages[-1]
    assert message.subject == "[arb] RESOLVED: worker main is warning"
    assert "it is well again" in message.text
    assert "for 1 h 30 min" in message.text
    assert message.thread == scene.mail.messages[0].thread
    assert scene.pager.messages == []


def test_a_message_has_context_and_the_way_to_the_runbook(scene: Scene) -> None:
    scene.wrong(detail="gemini: <lost> & gone")
    (message,) = scene.mail.messages
    for body in (message.text, message.html):
        assert "https://wiki.example.test/runbook#worker_state" in body
        assert "Feed" in body
    assert "gemini: <lost> & gone" in message.text
    assert "gemini: &lt;lost&gt; &amp; gone" in message.html


def test_one_that_comes_back_at_once_waits_and_is_not_told_if_it_goes_again(scene: Scene) -> None:
    scene.wrong()
    scene.well()
    for _ in range(3):
        scene.now_ns += 20 * NANOS_PER_SECOND
        scene.wrong()
        scene.now_ns += 20 * NANOS_PER_SECOND
        scene.well()
    assert len(scene.mail.messages) == 2
    assert scene.statuses()[2:] == [("mail", "opened", "dropped")] * 3
    scene.wrong()
    scene.wait(5 * MINUTE_NS)
    assert scene.mail.subjects[2:] == ["WARNING: worker main is warning"]


def test_what_is_open_for_long_is_brought_to_mind(scene: Scene) -> None:
    scene.reminder_hours = 4
    scene.wrong()
    scene.wait(3 * NANOS_PER_HOUR)
    assert len(scene.mail.messages) == 1
    scene.wait(2 * NANOS_PER_HOUR)
    scene.wait(NANOS_PER_HOUR)
    assert scene.mail.subjects[1:] == ["WARNING: still: worker main is warning"]


def test_settling_raises_what_is_there_and_ends_what_is_not(scene: Scene) -> None:
    scene.wrong("gone")
    scene.wrong("stays")
    scene.desk.settle(["worker_state"], [alert("stays"), alert("new")], resolution="over")
    assert scene.desk.history.open_keys() == {"worker_state:stays", "worker_state:new"}
    scene.desk.settle(["check_failed"], [], resolution="over")
    assert len(scene.desk.history.open_keys()) == 2


def test_a_refused_message_is_tried_again_with_growing_pauses_until_it_is_taken(scene: Scene) -> None:
    scene.mail.is_refusing = True
    scene.wrong()
    ((told,),) = [row.deliveries for row in scene.desk.history.recent()]
    assert (told.status, told.hold, told.attempts, told.error) == ("waiting", "retry", 1, "the pigeon is asleep")
    assert scene.desk.history.unsent() == [("mail", 1, "the pigeon is asleep")]
    scene.wait(10 * NANOS_PER_SECOND)
    assert scene.desk.history.recent()[0].deliveries[0].attempts == 1
    scene.wait(MINUTE_NS)
    assert scene.desk.history.recent()[0].deliveries[0].attempts == 2
    scene.mail.is_refusing = False
    scene.wait(NANOS_PER_HOUR)
    assert len(scene.mail.messages) == 1
    assert scene.desk.history.unsent() == []


def test_a_channel_that_refuses_for_long_is_told_of_through_the_others_and_given_up_in_the_end(scene: Scene) -> None:
    scene.pager.is_refusing = True
    scene.wrong(severity=Severity.CRITICAL)
    for _ in range(MOST_ATTEMPTS + 5):
        scene.wait(2 * NANOS_PER_HOUR)
    assert scene.mail.subjects == [
        "CRITICAL: worker main is critical", "WARNING: alert channel pager takes no messages",
    ]  # fmt: skip
    first = scene.desk.history.recent(kind="worker_state")[0]
    assert [(told.status, told.attempts) for told in first.deliveries if told.channel == "pager"] == [
        ("failed", MOST_ATTEMPTS)
    ]
    scene.pager.is_refusing = False
    scene.wrong("other", Severity.CRITICAL)
    assert scene.mail.subjects[-1] == "RESOLVED: alert channel pager takes no messages"


def test_what_ends_while_a_channel_refuses_is_told_as_one_message_at_the_end(scene: Scene) -> None:
    scene.mail.is_refusing = True
    scene.wrong()
    scene.well()
    scene.mail.is_refusing = False
    scene.wait(NANOS_PER_HOUR)
    assert scene.mail.subjects == ["RESOLVED: worker main is warning"]


def test_pauses_grow_to_an_hour_and_are_spread() -> None:
    pauses = [retry_delay_ns(attempts, 0) // NANOS_PER_SECOND for attempts in range(1, 7)]
    assert pauses == [30, 120, 480, 1920, 3600, 3600]
    assert retry_delay_ns(1, 0) < retry_delay_ns(1, 7) < retry_delay_ns(1, 0) * 9 // 8


def test_a_process_that_died_while_sending_leaves_the_message_to_another(scene: Scene) -> None:
    scene.desk.raise_alert(alert())
    with scene.desk._database.transaction() as connection:
        from streaming_worker.alerts import ledger

        assert ledger.claim(connection, scene.now_ns) is not None
    scene.wait(MINUTE_NS)
    assert scene.mail.messages == []
    scene.wait(2 * MINUTE_NS)
    assert len(scene.mail.messages) == 1


def test_many_processes_make_one_alert_and_one_message(scene: Scene) -> None:
    start = threading.Barrier(8)
    news = []

    def process() -> None:
        start.wait()
        news.append(scene.desk.raise_alert(alert()))
        scene.desk.send_due()

    threads = [threading.Thread(target=process) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(news) == [False] * 7 + [True]
    assert len(scene.mail.messages) == 1
    assert scene.desk.history.recent()[0].seen_count == 8


def test_a_channel_can_be_tried_out(scene: Scene) -> None:
    scene.desk.test_channel("pager", source="a person")
    assert scene.pager.subjects == ["TEST: this is a test of channel pager"]
    assert scene.mail.messages == []
    (row,) = scene.desk.history.recent()
    assert not row.is_open
    assert [(told.event, told.status) for told in row.deliveries] == [("test", "sent")]


def test_a_channel_that_refuses_a_trial_says_why_and_is_not_tried_again(scene: Scene) -> None:
    scene.pager.is_refusing = True
    with pytest.raises(DeliveryError, match="the pigeon is asleep"):
        scene.desk.test_channel("pager", source="a person")
    scene.pager.is_refusing = False
    scene.wait(NANOS_PER_HOUR)
    assert scene.pager.messages == []
    with pytest.raises(ConfigError, match="unknown alert channel 'nobody'; known: mail, pager"):
        scene.desk.test_channel("nobody", source="a person")


def test_messages_of_a_channel_that_was_taken_away_are_given_up(scene: Scene) -> None:
    scene.mail.is_refusing = True
    scene.wrong()
    desk = scene.desk
    desk._rules = type(desk._rules)(channels=desk._rules.channels[1:], quiet=None, reminder_ns=0)
    scene.now_ns += NANOS_PER_HOUR
    outcome = desk.send_due()
    assert outcome.refusals == ("channel mail is no longer configured",)
    assert scene.statuses() == [("mail", "opened", "failed")]


def test_history_pages_from_the_newest_and_finds_a_stretch_of_time(scene: Scene) -> None:
    for name in "abcde":
        scene.wrong(name)
        scene.now_ns += MINUTE_NS
    newest = scene.desk.history.recent(limit=2)
    assert [row.subject for row in newest] == ["e", "d"]
    assert [row.subject for row in scene.desk.history.recent(limit=2, before_id=newest[-1].id)] == ["c", "b"]
    scene.well("b")
    assert [row.subject for row in scene.desk.history.recent(only_open=True)] == ["e", "d", "c", "a"]
    stretch = scene.desk.history.between(NOON_NS + MINUTE_NS, NOON_NS + 2 * MINUTE_NS)
    assert [row.subject for row in stretch] == ["a", "b"]


def test_nothing_is_read_where_nothing_was_ever_raised(scene: Scene) -> None:
    history = scene.desk.history
    assert (history.recent(), history.open_keys(), history.unsent()) == ([], set(), [])
    assert scene.desk.send_due().sent == 0
    assert scene.desk.resolve("worker_state:main", "x") is False
    assert list(scene.folder.iterdir()) == []


def test_a_file_that_is_not_a_database_is_named(scene: Scene) -> None:
    (scene.folder / "alerts.db").write_text("this is not a database, but a note of some length")
    with pytest.raises(StorageError, match=r"alerts.db"):
        scene.desk.raise_alert(alert())
    with pytest.raises(StorageError, match=r"alerts.db"):
        scene.desk.history.recent()


def test_the_file_is_for_its_owner_only(scene: Scene, tmp_path: Path) -> None:
    scene.wrong()
    assert (tmp_path / "alerts.db").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["alerts.db"]


def test_what_is_left_to_others_is_kept_and_sent_to_nobody(scene: Scene) -> None:
    scene.left_to_others, scene.reminder_hours = frozenset({"worker_state"}), 1
    scene.wrong("main", Severity.WARNING)
    scene.wrong("main", Severity.CRITICAL)
    scene.wait(2 * NANOS_PER_HOUR)
    assert [row.subject for row in scene.desk.history.recent(only_open=True)] == ["main"]
    assert scene.well()
    assert (scene.mail.messages, scene.pager.messages) == ([], [])
    scene.left_to_others = frozenset()
    scene.now_ns += NANOS_PER_HOUR
    scene.wrong("other")
    assert scene.mail.subjects == ["WARNING: worker other is warning"]


@pytest.mark.parametrize("name", ["worker_status", "channel_failing", "test"])
def test_only_known_kinds_can_be_left_to_others(tmp_path: Path, name: str) -> None:
    environ = {"ARB_DATA_DIR": str(tmp_path), "ARB_ALERTS_LEFT_TO_OTHERS": f"disk_low,{name}"}
    with pytest.raises(ConfigError, match=f"received {name}"):
        open_desk(load_config(None, environ), now=lambda: NOON_NS)
    environ["ARB_ALERTS_LEFT_TO_OTHERS"] = "disk_low, worker_state"
    assert open_desk(load_config(None, environ), now=lambda: NOON_NS).channels
