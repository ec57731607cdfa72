"""Bitstamp's socket: subscriptions, what is read beside the books, and what harms which book."""

import json

import pytest

from arb_pipeline_tests.fixtures.bitstamp import ASK, BID, SECOND, SOL, Client, T, aligned, change, data, said
from arb_pipeline_tests.fixtures.frames import NOW_NS, frame, sent
from streaming_worker.core.events import (
    BookSnapshot,
    FeedConnected,
    FeedGap,
    GapCause,
    TakerSide,
    TradePrint,
)
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest


def test_one_small_message_a_channel_and_changes_first() -> None:
    client = Client("solusd", "btcusd", subscribed=False)
    messages = client.protocol.opening_messages()
    assert [message["data"]["channel"] for message in sent(messages)] == [
        "diff_order_book_solusd", "diff_order_book_btcusd", "order_book_solusd", "order_book_btcusd",
        "live_trades_solusd", "live_trades_btcusd",
    ]  # fmt: skip
    assert {message["event"] for message in sent(messages)} == {"bts:subscribe"}
    assert max(map(len, messages)) < 512
    assert json.loads(client.protocol.keepalive or b"") == {"event": "bts:heartbeat"}
    assert client.protocol.opened(2, NOW_NS) == [FeedConnected("bitstamp", 2, NOW_NS)]


def test_a_copy_is_asked_for_once_the_changes_come() -> None:
    client = Client(subscribed=False)
    assert client.change(T, BID) == []
    assert (client.protocol.counters["changes_unasked"], client.protocol.http_requests()) == (1, [])
    client.take(said("bts:subscription_succeeded", "order_book_solusd"), T)
    assert client.protocol.http_requests() == []
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T + SECOND)
    (call,) = client.protocol.http_requests()
    assert (call.method, call.path, call.may_fail) == ("GET", "/api/v2/order_book/solusd/", True)


def test_a_level_without_a_price_is_left_out_and_counted() -> None:
    client = Client()
    client.change(T, ["0.00", "3"], BID)
    (snapshot,) = client.copy(T, [BID, ["0", "3"]], [ASK])
    assert isinstance(snapshot, BookSnapshot)
    assert len(snapshot.bids) == 1
    assert client.protocol.counters["zero_price_levels"] == 2


def test_episodes_of_a_crossed_book_are_counted() -> None:
    client = aligned()
    for second, size in ((2, "1"), (3, "2"), (4, "0"), (5, "1"), (6, "0")):
        client.change(T + second * SECOND, ["150.03", size])
    assert client.protocol.counters["crossed_episodes"] == 2


@pytest.mark.parametrize(("kind", "side"), [(0, TakerSide.BUY), (1, TakerSide.SELL), (7, TakerSide.UNKNOWN)])
def test_a_trade_is_read_from_its_exact_texts(kind: int, side: TakerSide) -> None:
    client = aligned()
    trade = {
        "id": 164_507_785, "timestamp": "1790000000", "amount": 0.02279531, "amount_str": "0.02279531",
        "price": 150.5, "price_str": "150.50", "type": kind, "microtimestamp": str(T), "buy_order_id": 1,
        "sell_order_id": 2,
    }  # fmt: skip
    content = frame({"channel": "live_trades_solusd", "data": trade, "event": "trade"})
    assert client.take(content, T) == [
        TradePrint(SOL, "164507785", 15_050_000_000, 2_279_531, side, T * 1_000, T * 1_000)
    ]


def test_a_request_to_reconnect_is_passed_on() -> None:
    client = aligned()
    assert client.take(frame({"event": "bts:request_reconnect", "channel": "", "data": ""}), T + SECOND) == []
    assert client.protocol.reconnect_reason == "the venue asked for a new connection"


def test_changes_that_the_venue_ended_are_subscribed_again() -> None:
    client = aligned()
    client.protocol.outgoing()
    (gap,) = client.take(said("bts:unsubscription_succeeded", "diff_order_book_solusd"), T + 2 * SECOND)
    assert isinstance(gap, FeedGap)
    assert sent(client.protocol.outgoing()) == [
        {"event": "bts:subscribe", "data": {"channel": "diff_order_book_solusd"}}
    ]
    assert client.take(said("bts:unsubscription_succeeded", "diff_order_book_solusd"), T + 2 * SECOND) == []
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T + 3 * SECOND)
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T + 3 * SECOND)
    assert client.protocol.counters["acknowledgements"] == 5


@pytest.mark.parametrize(
    ("content", "is_harmless", "instrument"),
    [
        (b"{", False, None),
        (b'{"event":"data","channel":"\xff"}', False, None),
        (frame({"event": "bts:error", "channel": "", "data": {"code": None, "message": "no"}}), True, None),
        (change(T, ["150", "-1"]), False, SOL),
        (frame({"event": "data", "channel": "diff_order_book_solusd", "data": {"bids": []}}), False, SOL),
        (data("diff_order_book_solusd", 12, []), False, SOL),
        (data("order_book_solusd", T, [["x", "1"]]), True, SOL),
        (frame({"event": "trade", "channel": "live_trades_solusd", "data": {"price_str": "1"}}), True, SOL),
    ],
)
def test_a_frame_that_cannot_be_read_harms_only_what_it_is_about(
    content: bytes, is_harmless: bool, instrument: str | None
) -> None:
    with pytest.raises(FeedFormatError) as caught:
        aligned().take(content, T + SECOND)
    assert (caught.value.is_harmless, caught.value.instrument) == (is_harmless, instrument)


def test_a_copy_that_cannot_be_read_harms_a_book_only_where_it_should_begin_it() -> None:
    request = HttpRequest("x", "GET", "/api/v2/order_book/solusd/")
    for client, is_harmless in ((Client(), False), (aligned(), True)):
        with pytest.raises(FeedFormatError) as caught:
            client.protocol.receive_http(request, b"<html>", NOW_NS)
        assert (caught.value.instrument, caught.value.is_harmless) == (SOL, is_harmless)


@pytest.mark.parametrize("path", ["/api/v2/order_book/ethusd/", "/api/v2/ticker/", "/solusd/"])
def test_an_answer_that_nobody_asked_for_is_refused(path: str) -> None:
    with pytest.raises(FeedFormatError) as caught:
        aligned().protocol.receive_http(HttpRequest("x", "GET", path), b"{}", NOW_NS)
    assert caught.value.is_harmless


def test_what_is_not_known_is_counted() -> None:
    client = aligned()
    for content in (
        change(T, BID, symbol="ethusd"), data("detail_order_book_solusd", T, []), said("bts:news", "x"),
        said("bts:subscription_succeeded", "diff_order_book_ethusd"),
    ):  # fmt: skip
        assert client.take(content, T + SECOND) == []
    counters = client.protocol.counters
    assert (counters["unknown_products"], counters["unknown_channels"], counters["acknowledgements"]) == (1, 2, 2)


def test_a_resync_loses_one_book_or_all_and_asks_for_copies() -> None:
    client = Client("solusd", "btcusd")
    client.change(T, BID)
    client.copy(T, [BID], [ASK])
    at_ns = (T + 2 * SECOND) * 1_000
    gap = FeedGap("bitstamp", SOL, GapCause.BAD_FRAME, None, None, at_ns)
    assert client.protocol.resync(SOL, GapCause.BAD_FRAME, at_ns) == [gap]
    assert [call.path for call in client.protocol.http_requests()] == ["/api/v2/order_book/solusd/"]
    assert client.protocol.resync(None, GapCause.BAD_FRAME, at_ns) == [
        FeedGap("bitstamp", None, GapCause.BAD_FRAME, None, None, at_ns)
    ]
    assert client.protocol.http_requests() == []
