"""Bitstamp: channels one by one, diffs without a sequence, and a REST book that is older than it looks."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.bitstamp import BitstampFace, BitstampSession
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.spec import default_market
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
DIFF, BOOK, TRADES = "diff_order_book_solusd", "order_book_solusd", "live_trades_solusd"
Decode = Callable[[Any], list[Any]]


def request(event: str, channel: str) -> bytes:
    return json.dumps({"event": f"bts:{event}", "data": {"channel": channel}}).encode()


class Venue:
    """The face with one session, moved together."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.face = BitstampFace(market)
        self.session: BitstampSession = self.face.open("/", {}, market.now_ns)
        self.seen: list[tuple[int, bytes]] = []

    def subscribe(self, *channels: str) -> None:
        for channel in channels:
            (reply,) = self.session.receive(request("subscribe", channel), self.market.now_ns)
            assert json.loads(reply)["event"] == "bts:subscription_succeeded"

    def play(self, seconds: float) -> list[tuple[int, Any]]:
        end_ns = self.market.now_ns + int(seconds * SECONDS)
        played: list[tuple[int, bytes]] = []
        while self.market.now_ns < end_ns:
            now_ns = min(self.market.next_ns(), self.session.due_ns(), end_ns)
            changes = self.market.step(now_ns)
            self.face.follow(changes, now_ns)
            played += [(now_ns, frame) for frame in self.session.on_market(changes, now_ns)]
        self.seen += played
        return [(now_ns, json.loads(frame)) for now_ns, frame in played]

    def get(self, path: str) -> HttpReply:
        return self.face.answer(HttpCall(key="", method="GET", path=path), self.market.now_ns)

    def book(self) -> BookModel:
        book = self.market.book("bitstamp", "SOL-USD")
        assert book is not None
        return book


@pytest.fixture
def venue(market: Market) -> Venue:
    return Venue(market)


def test_diffs_carry_the_changed_levels_from_the_best_on_with_microseconds(venue: Venue) -> None:
    venue.subscribe(DIFF)
    played = venue.play(20)
    micros = [int(frame["data"]["microtimestamp"]) for _, frame in played]
    assert all(early < late for early, late in pairwise(micros))
    assert 0.1 < (played[-1][0] - played[0][0]) / SECONDS / (len(played) - 1) < 0.4
    for now_ns, frame in played:
        data = frame["data"]
        assert (frame["channel"], frame["event"]) == (DIFF, "data")
        assert data["timestamp"] == data["microtimestamp"][:10]
        assert 0 <= now_ns - int(data["microtimestamp"]) * 1_000 < 400_000_000
        bids, asks = ([float(price) for price, _ in data[side]] for side in ("bids", "asks"))
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
    assert any(size == "0.00000000" for _, frame in played for _, size in frame["data"]["bids"])


def test_a_rest_book_and_later_diffs_give_the_book(venue: Venue) -> None:
    venue.subscribe(DIFF)
    diffs = venue.play(7)
    snapshot = json.loads(venue.get("/api/v2/order_book/solusd/").body)
    diffs += venue.play(5)
    taken = int(snapshot["microtimestamp"])
    assert any(int(frame["data"]["microtimestamp"]) <= taken for _, frame in diffs)
    held = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    for _, frame in diffs:
        if int(frame["data"]["microtimestamp"]) > taken:
            for side in ("bids", "asks"):
                held[side].update(frame["data"][side])
    while venue.session.due_ns() < 2**62:
        now_ns = venue.session.due_ns()
        for frame in venue.session.on_market((), now_ns):
            for side in ("bids", "asks"):
                held[side].update(json.loads(frame)["data"][side])
    book = venue.book()
    for side, ladder in (("bids", book.bids), ("asks", book.asks)):
        left = {float(price): float(size) for price, size in held[side].items() if float(size) and float(price)}
        assert left == {price / 10**4: lots / 10**8 for price, lots in ladder.levels.items()}


def test_the_rest_book_is_a_tenth_to_two_and_a_half_seconds_old_and_has_zero_prices_at_times(venue: Venue) -> None:
    ages, zero = [], 0
    venue.play(5)
    for _ in range(200):
        venue.play(0.1)
        body = json.loads(venue.get("/api/v2/order_book/solusd").body)
        ages.append(venue.market.now_ns - int(body["microtimestamp"]) * 1_000)
        assert body["timestamp"] == body["microtimestamp"][:10]
        zero += body["bids"][-1][0] == "0.0000"
    assert min(ages) >= 100_000_000
    assert 2_300_000_000 < max(ages) < 2_900_000_000
    assert 0 < zero < len(ages)


def test_the_book_channel_pushes_the_whole_top_hundred(venue: Venue) -> None:
    venue.subscribe(BOOK)
    played = venue.play(10)
    assert 3 < len(played) / 10 < 6
    book = venue.book()
    *_, (_, last) = played
    assert (len(last["data"]["bids"]), len(last["data"]["asks"])) == (100, 100)
    assert float(last["data"]["asks"][0][0]) > float(last["data"]["bids"][0][0])
    if int(last["data"]["microtimestamp"]) == book.changed_ns // 1_000:
        assert [float(price) for price, _ in last["data"]["bids"]] == [
            price / 10**4 for price, _ in book.bids.sorted_levels()[:100]
        ]


def test_both_book_channels_agree_where_their_times_do(venue: Venue) -> None:
    venue.subscribe(DIFF, BOOK)
    venue.play(5)
    start = json.loads(venue.get("/api/v2/order_book/solusd/").body)
    held = {side: dict(start[side]) for side in ("bids", "asks")}
    compared = 0
    micros = ""
    for _, frame in [(at, json.loads(seen)) for at, seen in venue.seen] + venue.play(30):
        data = frame["data"]
        if int(data["microtimestamp"]) <= int(start["microtimestamp"]):
            continue
        if frame["channel"] == DIFF:
            micros = data["microtimestamp"]
            for side in ("bids", "asks"):
                held[side].update(data[side])
        elif data["microtimestamp"] == micros:
            compared += 1
            best = sorted(((float(p), q) for p, q in held["asks"].items() if float(q)), key=lambda level: level[0])
            assert best[:100] == [(float(price), size) for price, size in data["asks"]]
    assert compared > 5


def test_trades_have_numbers_and_texts_and_the_takers_side(venue: Venue) -> None:
    venue.subscribe(TRADES)
    trades = [frame["data"] for _, frame in venue.play(60)]
    assert {trade["type"] for trade in trades} == {0, 1}
    for trade in trades:
        assert float(trade["amount_str"]) == trade["amount"]
        assert float(trade["price_str"]) == trade["price"]
        assert trade["microtimestamp"].endswith("000")
        taker_bought = trade["buy_order_id"] > trade["sell_order_id"]
        assert trade["type"] == (0 if taker_bought else 1)


def test_replies_to_what_a_client_may_say(venue: Venue, decode: Decode) -> None:
    def say(frame: bytes) -> Any:
        return decode(venue.session.receive(frame, 0))[0]

    assert say(b'{"event":"bts:heartbeat"}') == {"event": "bts:heartbeat", "data": {"status": "success"}}
    assert say(request("subscribe", "diff_order_book_nousd"))["event"] == "bts:subscription_succeeded"
    assert say(request("subscribe", "diff_order_book_SOLUSD"))["event"] == "bts:error"
    assert say(b"{")["data"] == {"code": None, "message": "Incorrect JSON format."}
    assert say(request("shout", DIFF))["event"] == "bts:error"
    assert say(b'{"event":"bts:subscribe","data":[]}')["event"] == "bts:error"
    assert say(request("subscribe", "live_trades_" + "a" * 600))["event"] == "bts:error"
    venue.subscribe(DIFF, BOOK, TRADES)
    for channel in (DIFF, BOOK, TRADES):
        assert say(request("unsubscribe", channel))["event"] == "bts:unsubscription_succeeded"
    assert venue.play(5) == []


def test_a_connection_has_at_most_1024_channels(venue: Venue, decode: Decode) -> None:
    for number in range(1_024):
        venue.subscribe(f"live_trades_x{number}")
    assert decode(venue.session.receive(request("subscribe", DIFF), 0))[0]["event"] == "bts:error"


def test_markets_and_unknown_paths(venue: Venue) -> None:
    (market,) = json.loads(venue.get("/api/v2/markets/").body)
    assert (market["market_symbol"], market["counter_decimals"], market["base_decimals"]) == ("solusd", 4, 8)
    assert (market["trading"], market["market_type"], market["minimum_order_value"]) == ("Enabled", "SPOT", "10")
    with_orders = json.loads(venue.get("/api/v2/order_book/solusd/?group=2").body)
    plain = json.loads(venue.get("/api/v2/order_book/solusd/?group=1").body)
    assert [level[:2] for level in with_orders["asks"]] == plain["asks"]
    assert len({level[2] for level in with_orders["asks"]}) == len(plain["asks"])
    for path in ("/api/v2/order_book/nousd/", "/api/v2/order_book/", "/api/v3/"):
        assert venue.get(path).status == 404


def test_the_bitcoin_book_has_whole_dollars(start_ns: int) -> None:
    market = Market.start(seed=7, start_ns=start_ns, spec=default_market(extra_books=True))
    venue = Venue(market)
    venue.subscribe("diff_order_book_btcusd")
    prices = [level[0] for _, frame in venue.play(10) for level in frame["data"]["asks"]]
    assert prices
    assert all(price.isdigit() for price in prices)


def skeleton(text: str) -> str:
    """Reduce JSON text to its punctuation, keys and kinds of values: lists to their first element."""
    text = re.sub(r'"\d[\d.]*"', '"n"', text)
    text = re.sub(r"(?<=[:\[ ,])\d[\d.]*", "n", text)
    text = re.sub(r"(order_book|live_trades)_[a-z]+", r"\1_x", text)
    pair = r'\["n", ?"n"\]'
    return re.sub(rf"{pair}(?:, ?{pair})*", "LEVELS", text)


def recorded(shared_dir: Path) -> Iterator[Any]:
    with gzip.open(shared_dir / "captures/bitstamp/diff_rest_9pairs_20220105.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def test_every_text_has_the_form_of_the_recorded_one(venue: Venue, shared_dir: Path) -> None:
    real: set[str] = set()
    for line in recorded(shared_dir):
        if line["t"] == "recv" or (line["t"] == "http" and "order_book" in line["url"]):
            real.add(skeleton(line["data"]))
    venue.subscribe(DIFF, TRADES)
    (reply,) = venue.session.receive(request("subscribe", DIFF), 0)
    venue.play(60)
    made = [reply, *(frame for _, frame in venue.seen), venue.get("/api/v2/order_book/solusd/").body]
    assert {skeleton(text.decode()) for text in made} <= real
