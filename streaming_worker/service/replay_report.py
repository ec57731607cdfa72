"""What a replay says, as JSON-ready values: exact decimal text for prices and sizes, integers for counts."""

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

from streaming_worker.adapters.recorder import LineKind
from streaming_worker.core.book import Book
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import E8_DIGITS, NANOS_PER_SECOND, format_e8, format_fixed
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.state import BookView
from streaming_worker.protocols.bitstamp_book import DISCARDED
from streaming_worker.service.capture_replay import CaptureReplay
from streaming_worker.service.dirt import BookDirt, DirtCount, far_levels, spread_bps
from streaming_worker.service.record_replay import RunReplay

Report: TypeAlias = dict[str, Any]
_AGES: Final = frozenset({"negative_ages", "least_age_ns", "greatest_age_ns"})
_DIGEST_BYTES: Final = 32


def capture_report(replay: CaptureReplay) -> Report:
    """Return what one recording gave. Ages are None where the recorder's clock was no wall clock."""
    first_ns, last_ns = replay.span_ns or (0, 0)
    dirt = replay.dirt
    return {
        "venue": replay.survey.venue.value,
        "protocol": replay.survey.protocol,
        "frames": replay.lines[LineKind.RECV],
        "connections": replay.connections,
        "gaps": dirt.gap_causes.total(),
        "gap_causes": dict(dirt.gap_causes),
        "dead_letters": replay.dead_letters.reasons.total(),
        "dead_letter_reasons": dict(replay.dead_letters.reasons),
        "heartbeats": dirt.heartbeats,
        "rest_books": replay.answers,
        "negative_ages": dirt.negative_ages if replay.has_wall_clock else None,
        "largest_frame_bytes": replay.largest_frame,
        "span_ns": last_ns - first_ns,
        "counters": replay.counters,
        "damage": replay.damage,
        "instruments": {
            instrument.symbol: _captured_book(replay, instrument) for instrument in replay.survey.instruments
        },
        "books_digest": replay.engine.feed_digest(replay.feed),
        "digest": replay.engine.digest(),
    }


def run_report(run: RunReplay) -> Report:
    """Return what the replay of one recorded run gave, and whether it gave what was recorded."""
    instruments = () if run.engine is None else run.engine.state.settings.instruments
    return {
        "first_seq": run.first_seq,
        "events": run.events,
        "keyframes": run.keyframes,
        "keyframes_equal": run.keyframes_equal,
        "outputs": run.outputs,
        "missing_rows": run.missing.total(),
        "unexpected_rows": run.unexpected.total(),
        "is_equal": run.is_equal,
        "gaps": run.dirt.gap_causes.total(),
        "gap_causes": dict(run.dirt.gap_causes),
        "damage": run.damage,
        "instruments": {
            instrument.key: _book(run.engine, instrument, run.dirt) for instrument in instruments if run.engine
        },
        "digest": run.digest,
    }


def overall_report(captures: Mapping[str, CaptureReplay], runs: Mapping[str, RunReplay], *, elapsed_ns: int) -> Report:
    """Return the sums over everything replayed, and one digest over all digests, in the order of their names."""
    dirts = [*(replay.dirt for replay in captures.values()), *(run.dirt for run in runs.values())]
    rejections: Counter[str] = Counter()
    for dirt in dirts:
        rejections.update(dirt.rejections)
    frames = sum(replay.lines[LineKind.RECV] for replay in captures.values())
    digests = {name: replay.engine.digest() for name, replay in captures.items()}
    digests |= {name: run.digest for name, run in runs.items()}
    return {
        "frames": frames,
        "events": sum(run.events for run in runs.values()) + sum(r.engine.event_count for r in captures.values()),
        "opportunities": sum(dirt.opportunities for dirt in dirts),
        "rejections": dict(sorted(rejections.items())),
        "simulated_trades": sum(dirt.simulated_trades for dirt in dirts),
        "digest": _combined(digests),
        "seconds": round(elapsed_ns / NANOS_PER_SECOND, 3),
        "frames_per_second": frames * NANOS_PER_SECOND // max(elapsed_ns, 1),
    }


def _captured_book(replay: CaptureReplay, instrument: Instrument) -> Report:
    dirt = msgspec.structs.asdict(replay.dirt.books.get(instrument.key, BookDirt()))
    return {
        **_book(replay.engine, instrument, replay.dirt),
        "changes_discarded": replay.counters.get(f"{DISCARDED}.{instrument.key}", 0),
        "price_tick": format_e8(instrument.price_tick_e8),
        "lot": format_e8(instrument.lot_e8),
        "size_digits": instrument.size_digits,
        "aliases": list(instrument.aliases),
        **{name: None if name in _AGES and not replay.has_wall_clock else count for name, count in dirt.items()},
    }


def _book(engine: Engine, instrument: Instrument, dirt: DirtCount) -> Report:
    view = engine.books[instrument.key]
    book = view.book if view.is_synced else Book()
    return {
        "state": _state(view, dirt),
        "snapshots": view.snapshots,
        "updates": view.updates,
        "bids": book.bid_count,
        "asks": book.ask_count,
        "best_bid": _level(book.best_bid, instrument.size_digits),
        "best_ask": _level(book.best_ask, instrument.size_digits),
        "spread_bps": spread_bps(book),
        "far_levels": far_levels(book),
        "is_crossed": book.is_crossed,
        "crossed_ns": _crossed_ns(engine, view),
        "absent_removals": view.book.absent_removals,
        "same_quantity_repeats": view.book.same_quantity_repeats,
    }


def _state(view: BookView, dirt: DirtCount) -> str:
    if view.is_synced:
        return "synced"
    return "gap" if dirt.gap_causes else "connecting"


def _crossed_ns(engine: Engine, view: BookView) -> int:
    since_ns = view.crossed_since_ns
    return view.crossed_ns + (0 if since_ns is None else engine.state.now_ns - since_ns)


def _level(level: tuple[int, int] | None, size_digits: int = E8_DIGITS) -> list[str] | None:
    return None if level is None else [format_e8(level[0]), format_fixed(level[1], size_digits)]


def _combined(digests: Mapping[str, str]) -> str:
    return blake2b(msgspec.json.encode(sorted(digests.items())), digest_size=_DIGEST_BYTES).hexdigest()
