"""What happens to an alert and its messages: opened once, told by severity and hour, resolved, retried, given up.

Pure bookkeeping in one transaction each; nothing is sent here. The rules:
- While an alert is open, seeing it again only counts; seeing it worse is told as worse.
- An alert that comes back soon after its end waits for a while: if it goes away again nobody is told of the flapping.
- In quiet hours only critical messages go out; the others wait for the end of the window.
- What is over before it was told is dropped; its end is told where quiet hours or a refusing channel held it back.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streaming_worker.alerts.alert import OPENED, REMINDER, RESOLVED, TEST, WORSE, Alert, Severity
from streaming_worker.alerts.channel import Channel
from streaming_worker.alerts.quiet import QuietHours
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND, Nanos

QUIET: Final = "quiet_hours"
FLAPPING: Final = "flapping"
RETRY: Final = "retry"
FLAP_WINDOW_NS: Final = 300 * NANOS_PER_SECOND
CLAIM_NS: Final = 120 * NANOS_PER_SECOND
MOST_ATTEMPTS: Final = 10
_FIRST_RETRY_NS: Final = 30 * NANOS_PER_SECOND
_LAST_RETRY_NS: Final = NANOS_PER_HOUR
_RETRY_FACTOR: Final = 4
_JITTER_STEPS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When what is told to whom. ``reminder_ns`` 0 never reminds; kinds that are ``left_to_others`` are only kept."""

    channels: tuple[Channel, ...]
    quiet: QuietHours | None
    reminder_ns: Nanos
    left_to_others: frozenset[str] = frozenset()

    def told(self, kind: str, severity: Severity) -> list[Channel]:
        """Return the channels that want to know of a kind with a severity."""
        if kind in self.left_to_others:
            return []
        return [channel for channel in self.channels if severity.rank >= channel.min_severity.rank]

    def due(self, channel: Channel, severity: Severity, now_ns: Nanos) -> tuple[Nanos, str | None]:
        """Return when a message may go out, and what holds it until then."""
        end_ns = None if self.quiet is None else self.quiet.end_ns(now_ns)
        if end_ns is None or severity is Severity.CRITICAL or not channel.is_quiet_at_night:
            return now_ns, None
        return end_ns, QUIET


def note(connection: sqlite3.Connection, alert: Alert, rules: Rules, now_ns: Nanos, *, without: str | None) -> bool:
    """Take down that something is wrong; returns whether that is news. ``without`` names a channel not to use."""
    told = [channel for channel in rules.told(alert.kind, alert.severity) if channel.name != without]
    open_row = _open_row(connection, alert.key)
    if open_row is None:
        _open(connection, alert, rules, now_ns, told)
        return True
    is_worse = alert.severity.rank > Severity(open_row["severity"]).rank
    connection.execute(
        "update alerts set seen_ns = ?, seen_count = seen_count + 1, title = ?, detail = ?, context = ?, severity = ?"
        " where id = ?",
        (now_ns, alert.title, alert.detail, _json(alert), alert.severity if is_worse else open_row["severity"],
         open_row["id"]),
    )  # fmt: skip
    if is_worse:
        for channel in told:
            _tell_worse(connection, open_row["id"], channel, rules.due(channel, alert.severity, now_ns))
    return is_worse


def _open(
    connection: sqlite3.Connection, alert: Alert, rules: Rules, now_ns: Nanos, channels: Iterable[Channel]
) -> None:
    last = connection.execute(
        "select max(resolved_ns) from alerts where key = ? and kind <> ?", (alert.key, TEST)
    ).fetchone()[0]
    cursor = connection.execute(
        "insert into alerts (key, kind, subject, severity, title, detail, context, source, opened_ns, seen_ns, told_ns)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (alert.key, alert.kind, alert.subject, alert.severity, alert.title, alert.detail, _json(alert), alert.source,
         now_ns, now_ns, now_ns),
    )  # fmt: skip
    alert_id = int(cursor.lastrowid or 0)
    for channel in channels:
        due_ns, hold = rules.due(channel, alert.severity, now_ns)
        if hold is None and last is not None and now_ns < last + FLAP_WINDOW_NS:
            due_ns, hold = last + FLAP_WINDOW_NS, FLAPPING
        _tell(connection, alert_id, channel.name, OPENED, due_ns, hold)


def _tell_worse(connection: sqlite3.Connection, alert_id: int, channel: Channel, due: tuple[Nanos, str | None]) -> None:
    """A message that still waits says the worse thing itself when it goes; it goes when the worse one may."""
    due_ns, hold = due
    changed = connection.execute(
        "update deliveries set due_ns = min(due_ns, ?), hold = ? where alert_id = ? and channel = ?"
        " and status = 'waiting' and claimed_ns is null",
        (due_ns, hold, alert_id, channel.name),
    ).rowcount
    if not changed:
        had = connection.execute(
            "select count(*) from deliveries where alert_id = ? and channel = ?", (alert_id, channel.name)
        ).fetchone()[0]
        _tell(connection, alert_id, channel.name, WORSE if had else OPENED, due_ns, hold)


def end(connection: sqlite3.Connection, key: str, resolution: str, rules: Rules, now_ns: Nanos) -> bool:
    """Take down that it is over; returns whether it was open."""
    row = _open_row(connection, key)
    if row is None:
        return False
    connection.execute(
        "update alerts set resolved_ns = ?, resolution = ? where id = ?", (now_ns, resolution, row["id"])
    )
    for channel in rules.channels:
        if _must_hear_of_the_end(connection, row["id"], channel.name):
            due_ns, hold = rules.due(channel, Severity(row["severity"]), now_ns)
            _tell(connection, row["id"], channel.name, RESOLVED, due_ns, hold)
    connection.execute(
        "update deliveries set status = 'dropped', done_ns = ?"
        " where alert_id = ? and status = 'waiting' and claimed_ns is null and event <> ?",
        (now_ns, row["id"], RESOLVED),
    )
    return True


def _must_hear_of_the_end(connection: sqlite3.Connection, alert_id: int, channel: str) -> bool:
    """Whoever was told, is being told, or would have been but for quiet hours or a refusal."""
    return bool(
        connection.execute(
            "select count(*) from deliveries where alert_id = ? and channel = ? and (status = 'sent'"
            " or (status = 'waiting' and (claimed_ns is not null or attempts > 0 or hold = ?)))",
            (alert_id, channel, QUIET),
        ).fetchone()[0]
    )


def remind(connection: sqlite3.Connection, rules: Rules, now_ns: Nanos) -> None:
    """Queue a reminder of everything that was told long ago and is still open."""
    if rules.reminder_ns == 0:
        return
    rows = connection.execute(
        "select id, kind, severity from alerts where resolved_ns is null and told_ns <= ?",
        (now_ns - rules.reminder_ns,),
    ).fetchall()
    for row in rows:
        connection.execute("update alerts set told_ns = ? where id = ?", (now_ns, row["id"]))
        for channel in rules.told(row["kind"], Severity(row["severity"])):
            if not _has_waiting(connection, row["id"], channel.name):
                due_ns, hold = rules.due(channel, Severity(row["severity"]), now_ns)
                _tell(connection, row["id"], channel.name, REMINDER, due_ns, hold)


def claim(connection: sqlite3.Connection, now_ns: Nanos) -> sqlite3.Row | None:
    """Take the next message that is due and that nobody is sending, joined with its alert."""
    row = connection.execute(
        "select d.id as delivery_id, d.channel, d.event, d.attempts, a.* from deliveries d"
        " join alerts a on a.id = d.alert_id where d.status = 'waiting' and d.due_ns <= ?"
        " and (d.claimed_ns is null or d.claimed_ns < ?) order by d.due_ns, d.id limit 1",
        (now_ns, now_ns - CLAIM_NS),
    ).fetchone()
    if row is None:
        return None
    connection.execute("update deliveries set claimed_ns = ? where id = ?", (now_ns, row["delivery_id"]))
    assert isinstance(row, sqlite3.Row)
    return row


def sent(connection: sqlite3.Connection, delivery_id: int, now_ns: Nanos) -> None:
    """Take down that a channel took a message."""
    connection.execute(
        "update deliveries set status = 'sent', hold = null, attempts = attempts + 1, done_ns = ?, claimed_ns = null"
        " where id = ?",
        (now_ns, delivery_id),
    )


def refused(connection: sqlite3.Connection, delivery_id: int, error: str, now_ns: Nanos, *, is_final: bool) -> int:
    """Take down that a message was not taken; it is tried again later, ten times in all. Returns the attempts."""
    row = connection.execute(
        "select d.attempts + 1 as attempts, d.event, a.resolved_ns from deliveries d"
        " join alerts a on a.id = d.alert_id where d.id = ?",
        (delivery_id,),
    ).fetchone()
    attempts = int(row["attempts"])
    status: str = "waiting"
    hold: str | None = RETRY
    done_ns: Nanos | None = None
    if is_final or attempts >= MOST_ATTEMPTS:
        status, hold, done_ns = "failed", None, now_ns
    elif row["resolved_ns"] is not None and row["event"] not in (RESOLVED, TEST):
        status, hold, done_ns = "dropped", None, now_ns  # it ended meanwhile; that is told instead
    connection.execute(
        "update deliveries set status = ?, hold = ?, done_ns = ?, attempts = ?, error = ?, due_ns = ?,"
        " claimed_ns = null where id = ?",
        (status, hold, done_ns, attempts, error, now_ns + retry_delay_ns(attempts, delivery_id), delivery_id),
    )
    return attempts


def retry_delay_ns(attempts: int, delivery_id: int) -> Nanos:
    """Return the wait after so many attempts: four times longer each time up to an hour, spread by up to an eighth."""
    delay = min(_FIRST_RETRY_NS * _RETRY_FACTOR ** (attempts - 1), _LAST_RETRY_NS)
    spread = delay * (delivery_id % _JITTER_STEPS) // (_JITTER_STEPS * _JITTER_STEPS)
    return int(delay + spread)


def add_test(connection: sqlite3.Connection, alert: Alert, channel: str, now_ns: Nanos) -> int:
    """Take down a trial of one channel, over as it begins, already claimed; returns the message's number."""
    _open(connection, alert, _NOBODY, now_ns, ())
    alert_id = int(connection.execute("select max(id) from alerts").fetchone()[0])
    connection.execute("update alerts set resolved_ns = ?, resolution = 'a trial' where id = ?", (now_ns, alert_id))
    delivery_id = _tell(connection, alert_id, channel, TEST, now_ns, None)
    connection.execute("update deliveries set claimed_ns = ? where id = ?", (now_ns, delivery_id))
    return delivery_id


_NOBODY: Final = Rules(channels=(), quiet=None, reminder_ns=0)


def _open_row(connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    row = connection.execute("select * from alerts where key = ? and resolved_ns is null", (key,)).fetchone()
    assert row is None or isinstance(row, sqlite3.Row)
    return row


def _has_waiting(connection: sqlite3.Connection, alert_id: int, channel: str) -> bool:
    query = "select count(*) from deliveries where alert_id = ? and channel = ? and status = 'waiting'"
    return bool(connection.execute(query, (alert_id, channel)).fetchone()[0])


def _tell(
    connection: sqlite3.Connection, alert_id: int, channel: str, event: str, due_ns: Nanos, hold: str | None
) -> int:
    cursor = connection.execute(
        "insert into deliveries (alert_id, channel, event, due_ns, hold) values (?, ?, ?, ?, ?)",
        (alert_id, channel, event, due_ns, hold),
    )
    return int(cursor.lastrowid or 0)


def _json(alert: Alert) -> str:
    return json.dumps(dict(alert.context), sort_keys=True)
