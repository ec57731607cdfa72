"""The generated past: ordered, reproducible, answered as live, and continued without a jump."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.faces.solana_accounts import CLOCK_ADDRESS, tick_array_address
from streaming_worker.sandbox.history import History, HistoryFrame, HistoryKind, iter_history
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.market.spec import HISTORY_PACE, LIVE_PACE
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
ARRAYS = [tick_array_address(POOL_ADDRESS, start) for start in (-26_400, -26_048, -25_696, -25_344, -24_992)]


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def rpc(number: int, method: str, *params: Any) -> bytes:
    return message(jsonrpc="2.0", id=number, method=method, params=params)


CLIENT_FRAMES = {
    "coinbase": [
        message(type="subscribe", channel="level2", product_ids=["SOL-USD"]),
        message(type="subscribe", channel="market_trades", product_ids=["SOL-USD"]),
        message(type="subscribe", channel="heartbeats"),
    ],
    "gemini": [message(id="1", method="subscribe", params=["solusd@depth@100ms", "solusd@trade"])],
    "solana": [
        rpc(1, "slotSubscribe"),
        *(
            rpc(number, "accountSubscribe", address, {"encoding": "base64"})
            for number, address in enumerate([POOL_ADDRESS, *ARRAYS], start=2)
        ),
    ],
}
STATE = HttpCall(
    key="pool state",
    method="POST",
    path="/",
    body=rpc(1, "getMultipleAccounts", [POOL_ADDRESS, *ARRAYS, CLOCK_ADDRESS], {"encoding": "base64"}),
)


def generate(start_ns: int, seconds: int, seed: int = 7) -> list[HistoryFrame]:
    return list(
        iter_history(
            seed=seed,
            start_ns=start_ns,
            end_ns=start_ns + seconds * SECONDS,
            client_frames=CLIENT_FRAMES,
            http_requests={"solana": [STATE]},
        )
    )


def digest(frames: Iterable[HistoryFrame]) -> str:
    return hashlib.sha256(repr(list(frames)).encode()).hexdigest()


def test_frames_are_in_the_order_of_their_arrival_and_within_the_time(start_ns: int) -> None:
    frames = generate(start_ns, 600)
    assert all(one.received_ns <= two.received_ns for one, two in pairwise(frames))
    assert frames[0].received_ns == start_ns
    assert start_ns + 599 * SECONDS < frames[-1].received_ns <= start_ns + 600 * SECONDS


def test_the_pace_is_some_frames_a_second(start_ns: int) -> None:
    counts = Counter(frame.feed for frame in generate(start_ns, 600))
    assert set(counts) == {"coinbase", "gemini", "solana"}
    assert all(3 <= count / 600 <= 8 for count in counts.values())


def test_each_feed_begins_with_its_connection_and_what_the_venue_says_then(start_ns: int) -> None:
    frames = generate(start_ns, 5)
    assert [frame.kind for frame in frames[:3]] == [HistoryKind.CONNECTED] * 3
    said = {feed: [f for f in frames if f.feed == feed][1:] for feed in CLIENT_FRAMES}
    coinbase = [json.loads(frame.data) for frame in said["coinbase"][:5]]
    assert [frame["channel"] for frame in coinbase] == [
        "l2_data",
        "subscriptions",
        "market_trades",
        "subscriptions",
        "subscriptions",
    ]
    gemini = [json.loads(frame.data) for frame in said["gemini"][:2]]
    assert gemini[0]["U"] == gemini[0]["u"]
    assert gemini[1] == {"id": "1", "status": 200}
    replies = [json.loads(frame.data) for frame in said["solana"][:7]]
    assert [reply["id"] for reply in replies] == [1, 2, 3, 4, 5, 6, 7]
    (state,) = [frame for frame in said["solana"] if frame.kind is HistoryKind.HTTP]
    assert state.request == "pool state"
    assert len(json.loads(state.data)["result"]["value"]) == 7
    assert said["solana"].index(state) == 7


def test_a_seed_gives_the_same_bytes_and_another_does_not(start_ns: int) -> None:
    assert digest(generate(start_ns, 60)) == digest(generate(start_ns, 60))
    assert digest(generate(start_ns, 10)) != digest(generate(start_ns, 10, seed=8))


def test_receive_times_are_a_latency_after_the_venues_own(start_ns: int) -> None:
    for frame in generate(start_ns, 120):
        body = json.loads(frame.data) if frame.feed == "gemini" and frame.kind is HistoryKind.FRAME else {}
        if "t" in body:
            assert 20_000_000 <= frame.received_ns - body["E"] <= 90_000_000


def test_what_the_client_says_on_the_way_is_answered_in_its_turn(start_ns: int) -> None:
    market = Market.start(seed=7, start_ns=start_ns, pace=HISTORY_PACE)
    history = History(market, end_ns=start_ns + 30 * SECONDS, feeds={"coinbase": "/", "solana": "/"})
    answers: list[tuple[int, HistoryFrame]] = []
    asked_ns: int | None = None
    for frame in history:
        if frame.kind is HistoryKind.CONNECTED and frame.feed == "coinbase":
            history.send("coinbase", CLIENT_FRAMES["coinbase"][0])
        elif asked_ns is None and frame.received_ns > start_ns + 10 * SECONDS:
            asked_ns = frame.received_ns
            history.send("solana", rpc(9, "slotSubscribe"))
            history.request("solana", STATE)
        elif asked_ns is not None and frame.feed == "solana":
            answers.append((asked_ns, frame))
    kinds = [frame.kind for _, frame in answers[:3]]
    assert kinds == [HistoryKind.FRAME, HistoryKind.HTTP, HistoryKind.FRAME]
    assert all(frame.received_ns - asked_ns >= 60_000_000 for asked_ns, frame in answers)
    assert json.loads(answers[0][1].data)["id"] == 9
    assert json.loads(answers[2][1].data)["method"] == "slotNotification"


def test_a_client_that_stays_silent_is_hung_up_on(start_ns: int) -> None:
    frames = iter_history(seed=1, start_ns=start_ns, end_ns=start_ns + 8 * SECONDS, client_frames={})
    closed = [frame for frame in frames if frame.kind is HistoryKind.CLOSED]
    assert [frame.feed for frame in closed] == ["coinbase"]
    assert 5 * SECONDS < closed[0].received_ns - start_ns < 6 * SECONDS


def test_the_present_goes_on_from_the_past_without_a_jump(start_ns: int) -> None:
    market = Market.start(seed=7, start_ns=start_ns, pace=HISTORY_PACE)
    history = History(market, end_ns=start_ns + 60 * SECONDS)
    assert sum(1 for _ in history) == 4
    past = {book.key: (book.bids.top, book.asks.top) for book in history.market.books}
    pool, slot = market.pool.market, market.pool.slot

    live = Market.load(history.market.dump())
    now_ns = start_ns + 3_600 * SECONDS
    live.go_live(now_ns)
    assert live.pace == LIVE_PACE
    assert {book.key: (book.bids.top, book.asks.top) for book in live.books} == past
    assert live.pool.market == pool
    assert live.pool.slot - slot == 3_540 * 10 // 4
    live.step(now_ns + SECONDS // 2)
    for book in live.books:
        assert abs(book.bids.best / past[book.key][0][0] - 1) < 0.002


def test_frames_are_made_only_as_they_are_taken(start_ns: int) -> None:
    market = Market.start(seed=7, start_ns=start_ns, pace=HISTORY_PACE)
    history = History(market, end_ns=start_ns + 10**9 * SECONDS, feeds={"solana": "/"})
    iterator = iter(history)
    assert next(iterator).kind is HistoryKind.CONNECTED
    history.send("solana", rpc(1, "slotSubscribe"))
    assert len(list(islice(iterator, 20))) == 20
    assert market.now_ns < start_ns + 20 * SECONDS


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_three_hours_take_less_than_a_minute(start_ns: int) -> None:
    frames = generate(start_ns, 3 * 3_600)
    assert 100_000 < len(frames) < 400_000
