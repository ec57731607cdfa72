"""Coinbase Advanced: data before its acknowledgement, one sequence over everything, and the clock of its server."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.coinbase import CoinbaseFace, CoinbaseSession
from streaming_worker.sandbox.faces.session import Hangup, HttpCall
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
Decode = Callable[[Any], list[Any]]


def request(kind: str, channel: str, *products: str) -> bytes:
    body: dict[str, Any] = {"type": kind, "channel": channel}
    return json.dumps({**body, "product_ids": products} if products else body).encode()


@pytest.fixture
def session(market: Market, start_ns: int) -> CoinbaseSession:
    return CoinbaseFace(market).open("/", {}, start_ns)


def play(session: CoinbaseSession, market: Market, seconds: int) -> list[Any]:
    outputs: list[Any] = []
    end_ns = market.now_ns + seconds * SECONDS
    while market.now_ns < end_ns:
        now_ns = min(market.next_ns(), session.due_ns(), end_ns)
        outputs += session.on_market(market.step(now_ns), now_ns)
    return outputs


def test_a_book_comes_first_and_its_acknowledgement_after(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    snapshot, acknowledgement = decode(session.receive(request("subscribe", "level2", "SOL-USD"), start_ns))
    event = snapshot["events"][0]
    assert list(snapshot) == ["channel", "timestamp", "sequence_num", "events"]
    assert (snapshot["channel"], snapshot["sequence_num"], event["type"]) == ("l2_data", 0, "snapshot")
    assert list(event["updates"][0]) == ["side", "event_time", "price_level", "new_quantity"]
    book = market.book("coinbase", "SOL-USD")
    assert book is not None
    sides = [update["side"] for update in event["updates"]]
    assert (sides.count("bid"), sides.count("offer")) == (len(book.bids.levels), len(book.asks.levels))
    assert float(event["updates"][0]["price_level"]) == book.bids.best / 100
    assert acknowledgement["sequence_num"] == 1
    assert acknowledgement["events"] == [{"subscriptions": {"level2": ["SOL-USD"]}}]


def test_the_usdc_product_is_answered_with_the_usd_book(
    session: CoinbaseSession, start_ns: int, decode: Decode
) -> None:
    snapshot, acknowledgement = decode(session.receive(request("subscribe", "level2", "SOL-USDC"), start_ns))
    assert snapshot["events"][0]["product_id"] == "SOL-USD"
    assert acknowledgement["events"][0]["subscriptions"] == {"level2": ["SOL-USD"]}


def test_trades_begin_with_a_hundred_past_ones_newest_first(
    session: CoinbaseSession, start_ns: int, decode: Decode
) -> None:
    trades = decode(session.receive(request("subscribe", "market_trades", "SOL-USD"), start_ns))[0]["events"][0]
    assert trades["type"] == "snapshot"
    assert len(trades["trades"]) == 100
    assert list(trades["trades"][0]) == ["product_id", "trade_id", "price", "size", "time", "side"]
    ids = [int(trade["trade_id"]) for trade in trades["trades"]]
    assert ids == sorted(ids, reverse=True)


def test_one_sequence_counts_every_message_of_every_channel(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", "level2", "SOL-USD"), start_ns))
    frames += decode(session.receive(request("subscribe", "market_trades", "SOL-USD"), start_ns))
    frames += decode(session.receive(request("subscribe", "heartbeats"), start_ns))
    frames += decode(play(session, market, 20))
    assert [frame["sequence_num"] for frame in frames] == list(range(len(frames)))
    channels = {frame["channel"] for frame in frames}
    assert channels == {"l2_data", "market_trades", "subscriptions", "heartbeats"}


def test_updates_are_absolute_and_rebuild_the_book(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", "level2", "SOL-USD"), start_ns))
    frames += decode(play(session, market, 30))
    held: dict[tuple[str, str], str] = {}
    for frame in frames:
        for event in frame["events"] if frame["channel"] == "l2_data" else ():
            for update in event["updates"]:
                held[update["side"], update["price_level"]] = update["new_quantity"]
    book = market.book("coinbase", "SOL-USD")
    assert book is not None
    left = {key: float(size) for key, size in held.items() if size != "0"}
    assert sum(1 for side, _ in left if side == "bid") == len(book.bids.levels)
    best = max((float(price), size) for (side, price), size in left.items() if side == "bid")
    assert best == (book.bids.best / 100, book.bids.top[1] / 10**8)


def test_heartbeats_come_each_second_and_count_the_uptime_of_the_server(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    session.receive(request("subscribe", "heartbeats"), start_ns)
    beats = decode(play(session, market, 10))
    events = [frame["events"][0] for frame in beats]
    counters = [event["heartbeat_counter"] for event in events]
    assert counters == list(range(41_692, 41_702))
    shape = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? \+0000 UTC m=\+4169\d\.\d{9}$|m=\+4170\d\.\d{9}$"
    assert all(re.search(shape, event["current_time"]) for event in events)


def test_a_second_connection_finds_the_counter_where_the_server_is(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    session.receive(request("subscribe", "heartbeats"), start_ns)
    play(session, market, 100)
    second = CoinbaseFace(market).open("/", {}, market.now_ns)
    second.receive(request("subscribe", "heartbeats"), market.now_ns)
    beat = decode(play(second, market, 1))[0]
    assert beat["events"][0]["heartbeat_counter"] == 41_792
    assert beat["sequence_num"] == 1


def test_a_client_that_subscribes_to_nothing_is_hung_up_on_after_five_seconds(
    session: CoinbaseSession, market: Market, start_ns: int
) -> None:
    assert play(session, market, 4) == []
    outputs = play(session, market, 2)
    assert len(outputs) == 1
    assert isinstance(outputs[0], Hangup)


def test_unsubscribing_silences_a_channel_and_resubscribing_brings_a_new_book(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    session.receive(request("subscribe", "level2", "SOL-USD"), start_ns)
    play(session, market, 1)
    acknowledgement = decode(session.receive(request("unsubscribe", "level2", "SOL-USD"), market.now_ns))[0]
    assert acknowledgement["events"] == [{"subscriptions": {}}]
    assert play(session, market, 1) == []
    again = decode(session.receive(request("subscribe", "level2", "SOL-USD"), market.now_ns))
    assert again[0]["events"][0]["type"] == "snapshot"
    assert again[0]["sequence_num"] == acknowledgement["sequence_num"] + 1


@pytest.mark.parametrize(
    "frame",
    [
        b"{",
        b"[]",
        b'{"channel":"level2"}',
        request("order", "level2", "SOL-USD"),
        request("subscribe", "level9", "SOL-USD"),
        request("subscribe", "level2", "DOGE-USD"),
        request("subscribe", "level2"),
    ],
)
def test_bad_requests_get_an_error_and_no_sequence_number(
    session: CoinbaseSession, start_ns: int, decode: Decode, frame: bytes
) -> None:
    reply = decode(session.receive(frame, start_ns))[0]
    assert reply["type"] == "error"
    assert set(reply) == {"type", "message"}


def test_other_public_channels_are_acknowledged_and_stay_silent(
    session: CoinbaseSession, market: Market, start_ns: int, decode: Decode
) -> None:
    reply = decode(session.receive(request("subscribe", "ticker", "SOL-USD"), start_ns))
    assert [frame["channel"] for frame in reply] == ["subscriptions"]
    assert play(session, market, 2) == []


def get(market: Market, path: str) -> tuple[int, Any]:
    reply = CoinbaseFace(market).answer(HttpCall(key="", method="GET", path=path), market.now_ns)
    return reply.status, json.loads(reply.body)


def test_products_say_which_is_an_alias_of_which(market: Market) -> None:
    _, body = get(market, "/api/v3/brokerage/market/products")
    products = {product["product_id"]: product for product in body["products"]}
    assert body["num_products"] == len(products) == 2
    assert products["SOL-USDC"]["alias"] == "SOL-USD"
    assert products["SOL-USD"]["alias_to"] == ["SOL-USDC"]
    assert products["SOL-USD"]["quote_increment"] == products["SOL-USD"]["price_increment"] == "0.01"
    assert products["SOL-USD"]["base_increment"] == "0.00000001"
    assert get(market, "/api/v3/brokerage/market/products/SOL-USDC")[1] == products["SOL-USDC"]


def test_product_book_is_the_top_of_the_same_book(market: Market) -> None:
    path = "/api/v3/brokerage/market/product_book?product_id=SOL-USD"
    status, body = get(market, f"{path}&limit=3")
    book = market.book("coinbase", "SOL-USD")
    assert book is not None
    assert status == 200
    assert [float(level["price"]) for level in body["pricebook"]["bids"]] == [
        price / 100 for price, _ in book.bids.sorted_levels()[:3]
    ]
    assert len(get(market, path)[1]["pricebook"]["asks"]) == len(book.asks.levels)
    assert float(body["mid_market"]) == (book.bids.best + book.asks.best) / 200


@pytest.mark.parametrize(
    "path", ["/", "/api/v3/brokerage/market/products/NO-USD", "/api/v3/brokerage/market/product_book"]
)
def test_unknown_calls_are_not_found(market: Market, path: str) -> None:
    assert get(market, path)[0] == 404
