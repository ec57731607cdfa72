"""Gemini v2: the first frame is the book, later ones have neither time nor number, a heartbeat every five seconds."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.gemini_v2 import GeminiV2Face, GeminiV2Session
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
Decode = Callable[[Any], list[Any]]


def request(kind: str, *symbols: str) -> bytes:
    return json.dumps({"type": kind, "subscriptions": [{"name": "l2", "symbols": symbols}]}).encode()


@pytest.fixture
def session(market: Market, start_ns: int) -> GeminiV2Session:
    return GeminiV2Face(market).open("/v2/marketdata", {}, start_ns)


def play(session: GeminiV2Session, market: Market, seconds: int) -> list[Any]:
    outputs: list[Any] = []
    end_ns = market.now_ns + seconds * SECONDS
    while market.now_ns < end_ns:
        now_ns = min(market.next_ns(), session.due_ns(), end_ns)
        outputs += session.on_market(market.step(now_ns), now_ns)
    return [json.loads(output) for output in outputs]


def test_the_first_frame_alone_has_trades_and_auction_events(
    session: GeminiV2Session, market: Market, start_ns: int, decode: Decode
) -> None:
    (snapshot,) = decode(session.receive(request("subscribe", "SOLUSD"), start_ns))
    assert list(snapshot) == ["auction_events", "changes", "symbol", "trades", "type"]
    assert len(snapshot["trades"]) == 100
    assert [trade["tid"] for trade in snapshot["trades"]] == sorted(trade["tid"] for trade in snapshot["trades"])
    updates = [frame for frame in play(session, market, 5) if frame["type"] == "l2_updates"]
    assert len(updates) > 100
    assert all(set(update) == {"changes", "symbol", "type"} for update in updates)


def test_changes_rebuild_the_book_at_once(
    session: GeminiV2Session, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", "SOLUSD"), start_ns)) + play(session, market, 30)
    held: dict[tuple[str, float], float] = {}
    for frame in frames:
        for side, price, size in frame.get("changes", ()):
            held[side, float(price)] = float(size)
    book = market.book("gemini", "SOL-USD")
    assert book is not None
    bids = {price: size for (side, price), size in held.items() if side == "buy" and size}
    assert bids == {price / 1000: lots / 10**6 for price, lots in book.bids.levels.items()}


def test_trades_and_heartbeats(session: GeminiV2Session, market: Market, start_ns: int) -> None:
    session.receive(request("subscribe", "SOLUSD"), start_ns)
    frames = play(session, market, 21)
    beats = [frame["timestamp"] for frame in frames if frame["type"] == "heartbeat"]
    assert [two - one for one, two in itertools.pairwise(beats)] == [5_000] * 3
    trades = [frame for frame in frames if frame["type"] == "trade"]
    assert trades
    assert list(trades[0]) == ["event_id", "price", "quantity", "side", "symbol", "tid", "timestamp", "type"]
    assert {trade["side"] for trade in trades} == {"buy", "sell"}


def test_unsubscribing_ends_the_book(session: GeminiV2Session, market: Market, start_ns: int) -> None:
    session.receive(request("subscribe", "SOLUSD"), start_ns)
    assert session.receive(request("unsubscribe", "SOLUSD"), start_ns) == []
    assert {frame["type"] for frame in play(session, market, 6)} == {"heartbeat"}


@pytest.mark.parametrize("frame", [b"{", request("subscribe", "NOUSD"), request("whisper", "SOLUSD")])
def test_bad_requests_get_an_error(session: GeminiV2Session, start_ns: int, decode: Decode, frame: bytes) -> None:
    assert decode(session.receive(frame, start_ns))[0]["result"] == "error"
