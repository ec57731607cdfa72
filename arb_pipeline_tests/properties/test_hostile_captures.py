"""Recorded frames of every venue, made hostile: only events or a FeedFormatError, and memory that does not grow."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.frames import instrument
from arb_pipeline_tests.fixtures.hostile import attack
from streaming_worker.core.instrument import Venue
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import build_protocol

SHORT, LONG = 10_000, 200_000
MOST_LEVELS = 60
OPENING = 20
MOST_RECORDED = 3_000
MOST_GROWTH_KIB = 16_384
CAPTURES = {
    "coinbase_advanced": "coinbase/advanced_btc_eth_20260809.jsonl.gz",
    "coinbase_exchange": "coinbase/exchange_l2_10pairs_20210417.jsonl.gz",
    "gemini": "gemini/newws_depth100ms_20260930_excerpt.tsv",
    "gemini_v2": "gemini/v2_l2_sol_btc_eth_20260809.jsonl.gz",
    "bitstamp": "bitstamp/diff_rest_9pairs_20210417.jsonl.gz",
}
NEW_API_SYMBOLS = ("btcusd", "btcgusdperp", "ethgusdperp")
STEP_NS = {"bitstamp": 300_000_000}
"""Time from frame to frame, where a book takes a while, and a sound frame after each damaged one, to come back."""


def _recorded(captures: Path, name: str) -> list[bytes]:
    """Return the frames of a capture, the longest, which are whole books, first.

    Long lists are cut, for their length is not what hurts here.
    """
    path = captures / CAPTURES[name]
    if path.suffix == ".tsv":
        frames = [line.split(b"\t", 1)[1] for line in path.read_bytes().splitlines() if b"\t" in line]
    else:
        lines = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        frames = [line["data"].encode() for line in lines if line["t"] == "recv"]
    frames = sorted(frames[:MOST_RECORDED], key=len, reverse=True)
    return [json.dumps(_shortened(json.loads(one)), separators=(",", ":")).encode() for one in frames]


def _shortened(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _shortened(value) for key, value in node.items()}
    return [_shortened(value) for value in node[:MOST_LEVELS]] if isinstance(node, list) else node


def _protocol(captures: Path, name: str) -> FeedProtocol:
    expected = json.loads((captures / "expected_results.json").read_text())
    symbols = NEW_API_SYMBOLS if name == "gemini" else tuple(expected[CAPTURES[name]]["final_books"])
    venue = Venue(name.partition("_")[0])
    return build_protocol(name, feed="feed", instruments=[instrument(venue, s, size_digits=10) for s in symbols])


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


def _start_ns(frames: list[bytes], name: str) -> int:
    """Return about when a capture was made: Bitstamp's books hold times against the clock."""
    year = {"bitstamp": 1_618_677_697, "coinbase_exchange": 1_618_677_817}.get(name, 1_786_309_548)
    return year * 10**9


def _fight(shared_dir: Path, name: str, count: int) -> list[int]:
    """Return the memory in KiB at every tenth of the way."""
    captures = shared_dir / "captures"
    frames = _recorded(captures, name)
    readings: list[int] = []

    def watch(number: int) -> None:
        if number % (count // 10) == 0:
            readings.append(_resident_kib())

    kinds = attack(
        _protocol(captures, name),
        frames,
        opening=[one for one in frames if b"subscription" in one][:OPENING] + frames[:OPENING],
        sound=frames[0] if name in STEP_NS else None,
        count=count,
        seed=3,
        start_ns=_start_ns(frames, name),
        step_ns=STEP_NS.get(name, 1_000_000),
        watch=watch,
    )
    assert kinds["FeedGap"] > count // 50, kinds
    assert kinds["BookSnapshot"] + kinds["BookDelta"] > 0, kinds
    sys.stdout.write(f"\n{name}: {count} frames, {dict(kinds)}, KiB {readings}\n")
    return readings


@pytest.mark.parametrize("name", CAPTURES)
def test_damaged_recordings_give_events_or_a_feed_error(shared_dir: Path, name: str) -> None:
    _fight(shared_dir, name, SHORT)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("name", CAPTURES)
def test_many_damaged_recordings_take_no_memory(shared_dir: Path, name: str) -> None:
    readings = _fight(shared_dir, name, LONG)
    assert readings[-1] - readings[2] < MOST_GROWTH_KIB, readings
