"""Coinbase Exchange: level2 is locked, level2_batch gathers 50 ms, each product has its heartbeat."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.coinbase_exchange import CoinbaseExchangeFace, CoinbaseExchangeSession
from streaming_worker.sandbox.faces.session import Hangup
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
Decode = Callable[[Any], list[Any]]


def request(*channels: Any, kind: str = "subscribe", products: tuple[str, ...] = ("SOL-USD",)) -> bytes:
    return json.dumps({"type": kind, "product_ids": products, "channels": channels}).encode()


@pytest.fixture
def session(market: Market, start_ns: int) -> CoinbaseExchangeSession:
    return CoinbaseExchangeFace(market).open("/", {}, start_ns)


def play(session: CoinbaseExchangeSession, market: Market, seconds: int) -> list[tuple[int, Any]]:
    outputs: list[tuple[int, Any]] = []
    end_ns = market.now_ns + seconds * SECONDS
    while market.now_ns < end_ns:
        now_ns = min(market.next_ns(), session.due_ns(), end_ns)
        for output in session.on_market(market.step(now_ns), now_ns):
            outputs.append((now_ns, output if isinstance(output, Hangup) else json.loads(output)))
    return outputs


def test_level2_needs_authentication_and_level2_batch_does_not(
    session: CoinbaseExchangeSession, start_ns: int, decode: Decode
) -> None:
    error, listed, snapshot = decode(session.receive(request("level2", "level2_batch"), start_ns))
    assert error["type"] == "error"
    assert "authentication" in error["reason"]
    assert listed == {
        "type": "subscriptions",
        "channels": [{"name": "level2_batch", "product_ids": ["SOL-USD"]}],
    }
    assert (snapshot["type"], snapshot["product_id"]) == ("snapshot", "SOL-USD")
    assert list(snapshot)[2:4] == ["asks", "bids"]
    assert float(snapshot["bids"][0][0]) < float(snapshot["asks"][0][0])


def test_batches_are_50_ms_apart_and_rebuild_the_book(
    session: CoinbaseExchangeSession, market: Market, start_ns: int, decode: Decode
) -> None:
    snapshot = decode(session.receive(request("level2_batch"), start_ns))[1]
    held = {("buy", p): float(s) for p, s in snapshot["bids"]} | {("sell", p): float(s) for p, s in snapshot["asks"]}
    frames = play(session, market, 20)
    for _, frame in frames:
        assert list(frame) == ["type", "product_id", "changes", "time"]
        held.update({(side, price): float(size) for side, price, size in frame["changes"]})
    moments = [at_ns for at_ns, _ in frames]
    assert min(two - one for one, two in itertools.pairwise(moments)) >= 50_000_000
    book = market.book("coinbase", "SOL-USD")
    assert book is not None
    bids = {float(price) for (side, price), size in held.items() if side == "buy" and size}
    # What has changed since the last batch is still to come.
    assert len(bids ^ {price / 100 for price in book.bids.levels}) < 25


def test_heartbeats_come_per_product_and_second(
    session: CoinbaseExchangeSession, market: Market, start_ns: int
) -> None:
    session.receive(request({"name": "heartbeat", "product_ids": ["SOL-USD"]}, products=()), start_ns)
    beats = [frame for _, frame in play(session, market, 5)]
    assert [beat["type"] for beat in beats] == ["heartbeat"] * 5
    sequences = [beat["sequence"] for beat in beats]
    assert sequences == sorted(sequences)
    assert set(beats[0]) == {"type", "last_trade_id", "product_id", "sequence", "time"}


def test_matches_begin_with_the_last_one(
    session: CoinbaseExchangeSession, market: Market, start_ns: int, decode: Decode
) -> None:
    last = decode(session.receive(request("matches"), start_ns))[1]
    assert last["type"] == "last_match"
    matches = [frame for _, frame in play(session, market, 10)]
    assert matches
    assert all(match["type"] == "match" for match in matches)
    assert matches[0]["trade_id"] > last["trade_id"]


def test_unsubscribing_ends_a_channel(
    session: CoinbaseExchangeSession, market: Market, start_ns: int, decode: Decode
) -> None:
    session.receive(request("heartbeat", "matches"), start_ns)
    reply = decode(session.receive(request("heartbeat", "matches", kind="unsubscribe"), start_ns))
    assert reply == [{"type": "subscriptions", "channels": []}]
    assert play(session, market, 2) == []


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"{", "not valid JSON"),
        (request("level2_batch", products=("NO-USD",)), "NO-USD is not a valid product"),
        (request("gossip"), "gossip is not a valid channel"),
        (request(), "No channels provided"),
        (request("matches", kind="ask"), "unknown type"),
    ],
)
def test_bad_requests_get_a_reason(
    session: CoinbaseExchangeSession, start_ns: int, decode: Decode, frame: bytes, reason: str
) -> None:
    reply = decode(session.receive(frame, start_ns))[0]
    assert reply["type"] == "error"
    assert reason in reply["reason"]


def test_silence_for_five_seconds_ends_the_connection(session: CoinbaseExchangeSession, market: Market) -> None:
    assert play(session, market, 4) == []
    assert [type(output) for _, output in play(session, market, 2)] == [Hangup]
