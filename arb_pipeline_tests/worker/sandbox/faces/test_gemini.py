"""Gemini's new API: the snapshot is an unmarked first frame, ids overlap, intervals gather, E has 19 digits."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.gemini import GeminiFace, GeminiSession
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
DEPTH = "solusd@depth@100ms"
Decode = Callable[[Any], list[Any]]


def request(method: str, *streams: str) -> bytes:
    return json.dumps({"id": "1", "method": method, "params": streams}).encode()


@pytest.fixture
def session(market: Market, start_ns: int) -> GeminiSession:
    return GeminiFace(market).open("/", {"snapshot": "-1"}, start_ns)


def play(session: GeminiSession, market: Market, seconds: int) -> list[tuple[int, Any]]:
    outputs: list[tuple[int, Any]] = []
    end_ns = market.now_ns + seconds * SECONDS
    while market.now_ns < end_ns:
        now_ns = min(market.next_ns(), session.due_ns(), end_ns)
        for output in session.on_market(market.step(now_ns), now_ns):
            assert isinstance(output, bytes)
            outputs.append((now_ns, json.loads(output)))
    return outputs


def test_the_book_comes_before_the_acknowledgement_and_the_ticker_after(
    session: GeminiSession, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", DEPTH, "solusd@bookTicker", "solusd@trade"), start_ns))
    snapshot, acknowledgement, ticker = frames
    assert list(snapshot) == ["e", "E", "s", "U", "u", "b", "a"]
    assert snapshot["e"] == "depthUpdate"
    assert snapshot["U"] == snapshot["u"]
    assert acknowledgement == {"id": "1", "status": 200}
    assert list(ticker) == ["u", "E", "s", "b", "B", "a", "A", "c", "C"]
    book = market.book("gemini", "SOL-USD")
    assert book is not None
    assert len(snapshot["b"]) == len(book.bids.levels)
    assert len(snapshot["a"]) == len(book.asks.levels)
    assert snapshot["b"][0] == [ticker["b"], ticker["B"]]


def test_prices_and_sizes_have_fixed_widths_and_times_19_digits(
    session: GeminiSession, start_ns: int, decode: Decode
) -> None:
    snapshot = decode(session.receive(request("subscribe", DEPTH), start_ns))[0]
    for price, size in snapshot["b"] + snapshot["a"]:
        assert len(price.partition(".")[2]) == 6
        assert len(size.partition(".")[2]) == 8
    assert len(str(snapshot["E"])) == 19


def test_each_diff_begins_where_the_one_before_ended(
    session: GeminiSession, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", DEPTH), start_ns))[:1]
    later = play(session, market, 20)
    frames += [frame for _, frame in later]
    assert len(later) > 100
    assert all(one["u"] == two["U"] < two["u"] for one, two in itertools.pairwise(frames))
    moments = [at_ns for at_ns, _ in later]
    assert min(two - one for one, two in itertools.pairwise(moments)) >= 100_000_000


def test_diffs_are_absolute_and_rebuild_the_book(
    session: GeminiSession, market: Market, start_ns: int, decode: Decode
) -> None:
    frames = decode(session.receive(request("subscribe", "solusd@depth"), start_ns))[:1]
    frames += [frame for _, frame in play(session, market, 30)]
    assert 20 <= len(frames) <= 31
    held: dict[str, float] = {}
    for frame in frames:
        held.update({price: float(size) for price, size in frame["a"]})
    book = market.book("gemini", "SOL-USD")
    assert book is not None
    rebuilt = {float(price): size for price, size in held.items() if size}
    live = {price / 1000: lots / 10**6 for price, lots in book.asks.levels.items()}
    # The last second is still to come.
    changed = [price for price in rebuilt.keys() | live.keys() if rebuilt.get(price) != live.get(price)]
    assert len(changed) < 300
    assert len(rebuilt) > 200


@pytest.mark.parametrize(("wanted", "levels"), [("0", None), ("5", 5), ("nonsense", None)])
def test_only_a_snapshot_parameter_brings_a_book(
    market: Market, start_ns: int, decode: Decode, wanted: str, levels: int | None
) -> None:
    session = GeminiFace(market).open("/", {"snapshot": wanted}, start_ns)
    frames = decode(session.receive(request("subscribe", DEPTH), start_ns))
    assert len(frames) == (1 if levels is None else 2)
    if levels is not None:
        assert len(frames[0]["b"]) == len(frames[0]["a"]) == levels


def test_trades_and_tickers_have_no_type_and_come_at_once(
    session: GeminiSession, market: Market, start_ns: int
) -> None:
    session.receive(request("SUBSCRIBE", "solusd@trade", "solusd@bookTicker"), start_ns)
    frames = play(session, market, 20)
    trades = [(at_ns, frame) for at_ns, frame in frames if "t" in frame]
    tickers = [frame for _, frame in frames if "B" in frame]
    assert len(trades) > 10
    assert len(tickers) > 20
    assert all("e" not in frame for _, frame in frames)
    assert all(frame["E"] == at_ns for at_ns, frame in trades)
    assert list(trades[0][1]) == ["E", "s", "t", "p", "q", "m"]
    tops = [(t["b"], t["B"], t["a"], t["A"]) for t in tickers]
    assert all(one != two for one, two in itertools.pairwise(tops))


def test_utility_methods_answer_with_status_200(session: GeminiSession, start_ns: int, decode: Decode) -> None:
    session.receive(request("subscribe", "solusd@trade"), start_ns)
    assert decode(session.receive(b'{"id":7,"method":"ping"}', start_ns)) == [{"id": 7, "status": 200}]
    assert decode(session.receive(b'{"id":"t","method":"time"}', start_ns)) == [
        {"id": "t", "status": 200, "result": {"serverTime": start_ns // 10**6}}
    ]
    listed = decode(session.receive(request("list_subscriptions"), start_ns))
    assert listed[0]["result"] == ["solusd@trade"]


def test_unsubscribing_ends_a_stream(session: GeminiSession, market: Market, start_ns: int) -> None:
    session.receive(request("subscribe", DEPTH, "solusd@trade"), start_ns)
    session.receive(request("unsubscribe", DEPTH, "solusd@trade"), start_ns)
    assert play(session, market, 5) == []


@pytest.mark.parametrize(
    "frame",
    [
        request("subscribe", "nousd@trade"),
        request("subscribe", "solusd@gossip"),
        request("subscribe"),
        request("dance"),
    ],
)
def test_refusals_carry_the_id_and_a_code(session: GeminiSession, start_ns: int, decode: Decode, frame: bytes) -> None:
    reply = decode(session.receive(frame, start_ns))[0]
    assert (reply["id"], reply["status"]) == ("1", 400)
    assert set(reply["error"]) == {"code", "msg"}


def test_what_is_no_json_gets_the_older_error(session: GeminiSession, start_ns: int, decode: Decode) -> None:
    assert decode(session.receive(b"{", start_ns))[0]["result"] == "error"


def get(market: Market, path: str) -> tuple[int, Any]:
    reply = GeminiFace(market).answer(HttpCall(key="", method="GET", path=path), market.now_ns)
    return reply.status, json.loads(reply.body)


def test_rest_describes_symbols_with_numbers_for_steps(market: Market) -> None:
    assert get(market, "/v1/symbols") == (200, ["solusd"])
    reply = GeminiFace(market).answer(HttpCall(key="", method="GET", path="/v1/symbols/details/SOLUSD"), 0)
    assert b'"tick_size":0.000001,"quote_increment":0.001,"min_order_size":"0.001"' in reply.body
    assert json.loads(reply.body)["status"] == "open"


def test_rest_book_is_whole_when_the_limit_is_zero(market: Market) -> None:
    book = market.book("gemini", "SOL-USD")
    assert book is not None
    whole = get(market, "/v1/book/solusd?limit_bids=0&limit_asks=3")[1]
    assert len(whole["bids"]) == len(book.bids.levels)
    assert len(whole["asks"]) == 3
    assert set(whole["asks"][0]) == {"price", "amount", "timestamp"}
    assert len(get(market, "/v1/book/solusd")[1]["bids"]) == 50
    assert get(market, "/v1/book/nousd")[0] == 400
