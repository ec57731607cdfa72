"""Each venue's numbering rule as a small state machine: what is next, what is old, what shows a loss.

A machine only judges numbers; dropping a book and asking for a new one is its protocol's job.
"""

from enum import Enum


class Continuity(Enum):
    """What a number says about the message that carries it."""

    NEXT = "next"
    OLD = "old"
    GAP = "gap"


class ConnectionSequence:
    """Coinbase Advanced: one count over every message of a connection.

    Rule: ``sequence_num`` starts at 0 on each connection and grows by one with every message of every channel and
    product, acknowledgements and heartbeats included. A lower number than expected is to be ignored.
    Source: docs.cdp.coinbase.com, advanced-trade guides, websocket overview; scope measured on recorded frames.
    """

    __slots__ = ("expected",)

    def __init__(self) -> None:
        self.expected = 0

    def check(self, number: int) -> Continuity:
        """Judge the next message's number and go on from it."""
        if number < self.expected:
            return Continuity.OLD
        is_next = number == self.expected
        self.expected = number + 1
        return Continuity.NEXT if is_next else Continuity.GAP


class HeartbeatCounter:
    """Coinbase Advanced: the heartbeat's own count.

    Rule: "heartbeat_counter" grows by one per heartbeat; a jump inside a connection means that messages were lost.
    It counts the server's seconds, so it does not start at 0 and may be anything on a new connection.
    Source: docs.cdp.coinbase.com, advanced-trade websocket channels, heartbeats.
    """

    __slots__ = ("expected",)

    def __init__(self) -> None:
        self.expected: int | None = None

    def check(self, counter: int) -> Continuity:
        """Judge the next heartbeat; the first one is always right."""
        expected, self.expected = self.expected, counter + 1
        return Continuity.NEXT if expected in (None, counter) else Continuity.GAP

    def forget(self) -> None:
        """Start over: a loss that is already known must not be reported again by the next heartbeat."""
        self.expected = None


class UpdateIds:
    """Gemini: each depth update covers the ids U to u and overlaps the one before it.

    Rule: a gap exactly when U is greater than the last u. In every recorded pair U equals the last u. Looser clients
    accept U == last u + 1; such a step is counted in ``one_id_steps``, and is a gap here too unless
    ``accepts_next_id``. An update whose u is not above the last one says nothing new.
    Source: developer.gemini.com websocket streams (change log of 2026-07-23).
    """

    __slots__ = ("_accepts_next_id", "last", "one_id_steps")

    def __init__(self, *, accepts_next_id: bool = False) -> None:
        self._accepts_next_id = accepts_next_id
        self.last = 0
        self.one_id_steps = 0

    def start(self, last_update_id: int) -> None:
        """Go on from a snapshot."""
        self.last = last_update_id

    def check(self, first_update_id: int, last_update_id: int) -> Continuity:
        """Judge an update after the snapshot and go on from it unless it shows a gap."""
        if first_update_id > self.last:
            is_one_id_step = first_update_id == self.last + 1
            self.one_id_steps += is_one_id_step
            if not (is_one_id_step and self._accepts_next_id):
                return Continuity.GAP
        if last_update_id <= self.last:
            return Continuity.OLD
        self.last = last_update_id
        return Continuity.NEXT


class SlotOrder:
    """Solana: each account carries the slot that it was read at; there is no count and nothing is replayed.

    Rule: several writes of one slot collapse to the last, and a second one may follow within the slot, so a
    notification of an equal slot replaces; an older slot (a node that catches up) is ignored. A polled state of an
    equal slot may have been read before the notification was made, so a poll must be newer to count.
    Source: solana.com/docs/rpc/websocket/accountsubscribe; solana-labs/solana issues 18204, 35489.
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: int | None = None

    def check(self, slot: int) -> Continuity:
        """Judge a notification."""
        if self.last is not None and slot < self.last:
            return Continuity.OLD
        self.last = slot
        return Continuity.NEXT

    def check_poll(self, slot: int) -> Continuity:
        """Judge a polled state."""
        if self.last is not None and slot <= self.last:
            return Continuity.OLD
        self.last = slot
        return Continuity.NEXT


class SnapshotAlignment:
    """Bitstamp: changes carry the venue's microseconds, and a book got by a call says up to which of them it goes.

    Rule: subscribe, keep the changes, get the book, drop changes not newer than it, apply the rest. That is sound only
    if the stream already ran when the book was taken. A change of the book not newer than the copy shows that it did;
    so does any other message of the connection that is older than the copy by more than changes are gathered for.
    A change that the copy holds says nothing new, whenever it comes; one between the copy and the last change means
    that the order was lost.
    Source: bitstamp.net/websocket/v2; recorded connections, where changes are gathered for 0.11 s to some seconds.
    """

    GATHERED_MICROS = 2_000_000

    __slots__ = ("_copied", "last", "runs_since")

    def __init__(self) -> None:
        self._copied = 0
        self.last: int | None = None
        self.runs_since: int | None = None

    def restart(self) -> None:
        """Trust nothing: a change may be missing, and what comes from now on is a stream with an unknown beginning."""
        self.last = self.runs_since = None

    def note_change(self, micros: int) -> None:
        """Take a change of the book, which is kept: nothing after it is missing."""
        self._lower(micros)

    def note_other(self, micros: int) -> None:
        """Take a message of another book or channel that came after the subscription stood."""
        self._lower(micros + self.GATHERED_MICROS)

    def note_dropped(self, micros: int) -> None:
        """Take a change that could not be kept: a copy must hold it already."""
        self.runs_since = micros

    def covers(self, micros: int) -> bool:
        """Whether a copy taken at ``micros`` and the kept changes make the book."""
        return self.runs_since is not None and micros >= self.runs_since

    def align(self, micros: int) -> None:
        """Go on from a copy; only a copy that is not older can check the book from here on."""
        self._copied = self.last = self.runs_since = micros

    def check(self, micros: int) -> Continuity:
        """Judge a change of an aligned book and go on from it if it is new."""
        if micros <= self._copied:
            return Continuity.OLD
        if self.last is not None and micros < self.last:
            return Continuity.GAP
        self.last = micros
        return Continuity.NEXT

    def _lower(self, micros: int) -> None:
        if self.runs_since is None or micros < self.runs_since:
            self.runs_since = micros
