"""How much CPU a recorded message costs: decode, book, and the whole fold, against a plain reader in the same run.

The plain reader is what a first script would do with the same frames: the standard library's JSON, Decimal, and a
dict per side, without knowing the best price. It gives a ratio that survives a noisy machine; absolute figures do not.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from streaming_worker.adapters.recorder import LineKind, UnknownFile, open_recording
from streaming_worker.core.book import Book
from streaming_worker.core.events import BookDelta, BookSnapshot, Event
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import EngineSettings
from streaming_worker.errors import ConfigError, FeedFormatError
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import build_protocol
from streaming_worker.service.survey import Survey, survey

PASSES: Final = 5
NANOS_PER_MICROSECOND: Final = 1_000
Frames: TypeAlias = Sequence[tuple[bytes, int]]
PlainBooks: TypeAlias = dict[tuple[str, str], dict[Decimal, Decimal]]


class Recorded:
    """The frames of one recording in memory, and what they are about."""

    def __init__(self, path: Path) -> None:
        recording = open_recording(path)
        if isinstance(recording, UnknownFile):
            raise ConfigError(f"{path.name}: {recording.reason}", key=str(path))
        found = survey(recording)
        if isinstance(found, UnknownFile):
            raise ConfigError(f"{path.name}: {found.reason}", key=str(path))
        self.survey: Survey = found
        self.frames = [(line.data, line.received_ns) for line in recording.lines() if line.kind is LineKind.RECV]


def bench_decode(path: Path) -> dict[str, Any]:
    """Return CPU microseconds per message and per level for decode and book, beside the plain reader's.

    Only the frames after the last snapshot are timed: a snapshot of 46,000 levels comes once a connection.
    """
    recorded = Recorded(path)
    start = _after_snapshots(recorded)
    head, tail = recorded.frames[:start], recorded.frames[start:]
    deltas = [e for e in _decode(recorded, recorded.frames)[1] if isinstance(e, BookDelta)][-len(tail) :]
    levels = sum(len(e.bids) + len(e.asks) for e in deltas)
    taken: dict[str, list[int]] = {"decode": [], "decode_and_book": [], "plain_decode_and_book": []}
    for _ in range(PASSES):
        protocol, before = _decode(recorded, head)
        taken["decode"].append(_time(lambda: _receive(protocol, tail)))  # noqa: B023
        protocol, before = _decode(recorded, head)
        books = _apply({}, before)
        taken["decode_and_book"].append(_time(lambda: _apply(books, _receive(protocol, tail))))  # noqa: B023
        plain = _plain({}, head)
        taken["plain_decode_and_book"].append(_time(lambda: _plain(plain, tail)))  # noqa: B023
    medians = {name: round(statistics.median(samples)) for name, samples in taken.items()}
    return {
        "file": path.name,
        "messages": len(tail),
        "book_messages": len(deltas),
        "levels": levels,
        "passes": PASSES,
        **{name: _per(nanos, len(tail), levels) for name, nanos in medians.items()},
        "ratio_to_plain": round(medians["decode_and_book"] / medians["plain_decode_and_book"], 3),
    }


def bench_engine(settings: EngineSettings, events: Sequence[Event]) -> dict[str, Any]:
    """Return CPU microseconds per event for the whole fold over recorded events, and how it ended."""
    taken: list[int] = []
    digests: set[str] = set()
    for _ in range(PASSES):
        engine = Engine(settings)
        taken.append(_time(lambda: _fold(engine, events)))  # noqa: B023
        digests.add(engine.digest())
    median = round(statistics.median(taken))
    span_ns = events[-1].received_ns - events[0].received_ns
    return {
        "events": len(events),
        "passes": PASSES,
        "microseconds_per_event": round(median / NANOS_PER_MICROSECOND / len(events), 3),
        "times_real_time": round(span_ns / median, 1),
        "digests": len(digests),
    }


def _fold(engine: Engine, events: Sequence[Event]) -> None:
    for event in events:
        engine.process(event)


def _time(run: Callable[[], object]) -> int:
    started = time.process_time_ns()
    run()
    return time.process_time_ns() - started


def _after_snapshots(recorded: Recorded) -> int:
    protocol, _ = _decode(recorded, [])
    last = 0
    for number, frame in enumerate(recorded.frames, start=1):
        if any(isinstance(event, BookSnapshot) for event in _receive(protocol, [frame])):
            last = number
    return last


def _decode(recorded: Recorded, frames: Frames) -> tuple[FeedProtocol, list[Event]]:
    found = recorded.survey
    protocol = build_protocol(found.protocol, feed=found.venue.value, instruments=found.instruments)
    return protocol, protocol.opened(1, recorded.frames[0][1]) + _receive(protocol, frames)


def _receive(protocol: FeedProtocol, frames: Frames) -> list[Event]:
    events: list[Event] = []
    for frame, received_ns in frames:
        try:
            events += protocol.receive(frame, received_ns)
        except FeedFormatError:
            continue
    return events


def _apply(books: dict[str, Book], events: Sequence[Event]) -> dict[str, Book]:
    for event in events:
        if isinstance(event, BookSnapshot):
            books.setdefault(event.instrument, Book()).apply_snapshot(event.bids, event.asks)
        elif isinstance(event, BookDelta) and event.instrument in books:
            books[event.instrument].apply_delta(event.bids, event.asks)
    return books


def _plain(books: PlainBooks, frames: Frames) -> PlainBooks:
    """Decode with json and Decimal into a dict per side."""
    for frame, _ in frames:
        for symbol, side, price, size in _plain_changes(json.loads(frame)):
            held = books.setdefault((symbol, side), {})
            if (quantity := Decimal(size)) == 0:
                held.pop(Decimal(price), None)
            else:
                held[Decimal(price)] = quantity
    return books


def _plain_changes(message: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    if message.get("channel") == "l2_data":
        return [
            (event["product_id"], change["side"], change["price_level"], change["new_quantity"])
            for event in message["events"]
            for change in event["updates"]
        ]
    if message.get("type") == "l2_updates":
        return [(message["symbol"], side, price, size) for side, price, size in message["changes"]]
    return []


def _per(nanos: int, messages: int, levels: int) -> dict[str, float]:
    micros = nanos / NANOS_PER_MICROSECOND
    return {
        "microseconds_per_message": round(micros / messages, 3),
        "microseconds_per_level": round(micros / max(levels, 1), 3),
    }
