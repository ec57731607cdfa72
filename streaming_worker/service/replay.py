"""Replay recordings through the production path and say what they gave, as one JSON-ready object.

Money and prices are exact decimal text. Every oddity is counted; files that cannot be read are listed with the reason.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from streaming_worker.adapters.clock import AnchoredClock, Clock
from streaming_worker.adapters.recorder import LineKind, UnknownFile, open_recording
from streaming_worker.core.book import Book
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import NANOS_PER_SECOND, format_e8, format_fixed
from streaming_worker.engine.state import BookView
from streaming_worker.errors import ConfigError
from streaming_worker.service.capture_replay import CaptureReplay
from streaming_worker.service.dirt import BookDirt, far_levels, spread_bps
from streaming_worker.service.survey import survey

Report: TypeAlias = dict[str, Any]
Progress: TypeAlias = Callable[[str, int, int], None]
_DIGEST_BYTES: Final = 32
_AGES: Final = frozenset({"negative_ages", "least_age_ns", "greatest_age_ns"})


def replay_captures(paths: Sequence[Path], *, clock: Clock | None = None, progress: Progress | None = None) -> Report:
    """Replay every recording under ``paths``.

    ``progress`` is called with each file's name, its number and how many there are.
    Raises: ConfigError when a path does not exist.
    """
    clock = AnchoredClock() if clock is None else clock
    started_ns = clock.monotonic_ns()
    files = dict(_named_files(paths))
    captures: dict[str, CaptureReplay] = {}
    skipped: dict[str, str] = {}
    for number, (name, path) in enumerate(files.items(), start=1):
        if progress is not None:
            progress(name, number, len(files))
        outcome = _replay_file(path, clock)
        if isinstance(outcome, UnknownFile):
            skipped[name] = outcome.reason
        else:
            captures[name] = outcome
    return {
        "captures": {name: _capture(capture) for name, capture in captures.items()},
        "overall": _overall(captures, clock.monotonic_ns() - started_ns),
        "skipped": skipped,
    }


def _named_files(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield each file once with its path relative to the given folder; a name taken twice gets its folder's name."""
    taken: set[str] = set()
    for given in paths:
        if not given.exists():
            raise ConfigError(f"no such file or folder: {given}", key=str(given))
        files = sorted(path for path in given.rglob("*") if path.is_file()) if given.is_dir() else [given]
        for path in files:
            name = path.relative_to(given).as_posix() if given.is_dir() else path.name
            if name in taken:
                name = path.as_posix()
            taken.add(name)
            yield name, path


def _replay_file(path: Path, clock: Clock) -> CaptureReplay | UnknownFile:
    recording = open_recording(path)
    if isinstance(recording, UnknownFile):
        return recording
    found = survey(recording)
    if isinstance(found, UnknownFile):
        return found
    replay = CaptureReplay(found, clock, has_wall_clock=recording.has_wall_clock)
    replay.run(recording)
    return replay


def _capture(replay: CaptureReplay) -> Report:
    first_ns, last_ns = replay.span_ns or (0, 0)
    return {
        "venue": replay.survey.venue.value,
        "protocol": replay.survey.protocol,
        "frames": replay.lines[LineKind.RECV],
        "connections": replay.connections,
        "gaps": replay.dirt.gap_causes.total(),
        "gap_causes": dict(replay.dirt.gap_causes),
        "dead_letters": replay.dead_letters.reasons.total(),
        "dead_letter_reasons": dict(replay.dead_letters.reasons),
        "heartbeats": replay.dirt.heartbeats,
        "negative_ages": replay.dirt.negative_ages if replay.has_wall_clock else None,
        "largest_frame_bytes": replay.largest_frame,
        "span_ns": last_ns - first_ns,
        "counters": replay.counters,
        "damage": replay.damage,
        "instruments": {instrument.symbol: _instrument(replay, instrument) for instrument in replay.survey.instruments},
        "books_digest": replay.engine.feed_digest(replay.feed),
        "digest": replay.engine.digest(),
    }


def _instrument(replay: CaptureReplay, instrument: Instrument) -> Report:
    view = replay.engine.books[instrument.key]
    dirt = msgspec.structs.asdict(replay.dirt.books.get(instrument.key, BookDirt()))
    book = view.book if view.is_synced else Book()
    return {
        "state": _state(replay, view),
        "snapshots": view.snapshots,
        "updates": view.updates,
        "bids": book.bid_count,
        "asks": book.ask_count,
        "best_bid": _level(book.best_bid, instrument.size_digits),
        "best_ask": _level(book.best_ask, instrument.size_digits),
        "spread_bps": spread_bps(book),
        "far_levels": far_levels(book),
        "is_crossed": book.is_crossed,
        "crossed_ns": _crossed_ns(replay, view),
        "absent_removals": view.book.absent_removals,
        "same_quantity_repeats": view.book.same_quantity_repeats,
        "price_tick": format_e8(instrument.price_tick_e8),
        "lot": format_e8(instrument.lot_e8),
        "size_digits": instrument.size_digits,
        "aliases": list(instrument.aliases),
        **{name: None if name in _AGES and not replay.has_wall_clock else count for name, count in dirt.items()},
    }


def _state(replay: CaptureReplay, view: BookView) -> str:
    if view.is_synced:
        return "synced"
    return "gap" if replay.dirt.gap_causes else "connecting"


def _crossed_ns(replay: CaptureReplay, view: BookView) -> int:
    since_ns = view.crossed_since_ns
    return view.crossed_ns + (0 if since_ns is None else replay.engine.state.now_ns - since_ns)


def _level(level: tuple[int, int] | None, size_digits: int) -> list[str] | None:
    return None if level is None else [format_e8(level[0]), format_fixed(level[1], size_digits)]


def _overall(captures: dict[str, CaptureReplay], elapsed_ns: int) -> Report:
    rejections: Counter[str] = Counter()
    for replay in captures.values():
        rejections.update(replay.dirt.rejections)
    frames = sum(replay.lines[LineKind.RECV] for replay in captures.values())
    return {
        "frames": frames,
        "opportunities": sum(replay.dirt.opportunities for replay in captures.values()),
        "rejections": dict(sorted(rejections.items())),
        "simulated_trades": sum(replay.dirt.simulated_trades for replay in captures.values()),
        "digest": _combined({name: replay.engine.digest() for name, replay in captures.items()}),
        "seconds": round(elapsed_ns / NANOS_PER_SECOND, 3),
        "frames_per_second": frames * NANOS_PER_SECOND // max(elapsed_ns, 1),
    }


def _combined(digests: dict[str, str]) -> str:
    """Return one digest over the files' digests, in the order of their names."""
    return blake2b(msgspec.json.encode(sorted(digests.items())), digest_size=_DIGEST_BYTES).hexdigest()
