"""Wrong values stand in valid JSON: impossible ones, crossing ones, and ones that only the truth can tell."""

import json
import random
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.roster import market_faces
from streaming_worker.sandbox.faults.frames import Role, read_frame
from streaming_worker.sandbox.faults.levels import with_wrong_value
from streaming_worker.sandbox.faults.spec import Lie
from streaming_worker.sandbox.market.spec import default_market
from streaming_worker.sandbox.market.stepper import Market

SUBSCRIBE: dict[str, list[Any]] = {
    "coinbase": [
        {"type": "subscribe", "channel": channel, "product_ids": ["BTC-USD"]}
        for channel in ("heartbeats", "level2", "market_trades")
    ],
    "coinbase_exchange": [
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["level2_batch", "matches", "heartbeat"]}
    ],
    "gemini": [{"id": 1, "method": "subscribe", "params": ["btcusd@depth@100ms", "btcusd@trade"]}],
    "gemini_v2": [{"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["BTCUSD"]}]}],
    "bitstamp": [
        {"event": "bts:subscribe", "data": {"channel": f"{kind}_btcusd"}}
        for kind in ("diff_order_book", "order_book", "live_trades")
    ]
    + [{"event": "bts:heartbeat"}],
    "solana": [{"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"}],
}


def frames_of(venue: str, start_ns: int) -> list[bytes]:
    market = Market.start(seed=7, start_ns=start_ns, spec=default_market(extra_books=True))
    session = market_faces(market)[venue].open("/", {"snapshot": "-1"}, start_ns)
    frames: list[Any] = []
    for message in SUBSCRIBE[venue]:
        frames += session.receive(json.dumps(message).encode(), start_ns)
    while market.now_ns < start_ns + 20 * NANOS_PER_SECOND:
        now_ns = min(market.next_ns(), session.due_ns())
        frames += session.on_market(market.step(now_ns), now_ns)
    return frames


@pytest.mark.parametrize("venue", list(SUBSCRIBE))
def test_each_frame_is_told_for_what_it_is(venue: str, start_ns: int) -> None:
    roles: dict[Role, int] = {}
    for frame in frames_of(venue, start_ns):
        seen = read_frame(venue, frame)
        roles[seen.role] = roles.get(seen.role, 0) + 1
        if seen.role in (Role.SNAPSHOT, Role.CHANGE, Role.TRADE):
            assert seen.symbol == "BTC-USD"
    assert Role.OTHER not in roles
    expected = {
        "coinbase": {Role.SNAPSHOT: 1, Role.REPLY: 3},
        "coinbase_exchange": {Role.SNAPSHOT: 1, Role.REPLY: 1},
        "gemini": {Role.SNAPSHOT: 1, Role.REPLY: 1},
        "gemini_v2": {Role.SNAPSHOT: 1},
        "bitstamp": {Role.REPLY: 3, Role.HEARTBEAT: 1},
        "solana": {Role.REPLY: 1},
    }[venue]
    assert {role: roles.get(role) for role in expected} == expected
    if venue != "solana":
        assert roles[Role.CHANGE] > 50
        assert roles[Role.TRADE] > 2


@pytest.mark.parametrize("lie", list(Lie))
@pytest.mark.parametrize("venue", [venue for venue in SUBSCRIBE if venue != "solana"])
def test_one_value_of_one_level_is_wrong_and_the_rest_is_right(venue: str, lie: Lie, start_ns: int) -> None:
    rng = random.Random(5)
    changed = 0
    for frame in frames_of(venue, start_ns)[:120]:
        wrong = with_wrong_value(venue, frame, lie, rng)
        if wrong is None:
            continue
        changed += 1
        right_texts, wrong_texts = list(texts(json.loads(frame))), list(texts(json.loads(wrong)))
        differing = [pair for pair in zip(right_texts, wrong_texts, strict=True) if pair[0] != pair[1]]
        assert len(differing) == 1
        right, odd = differing[0]
        if lie is Lie.PLAUSIBLE:
            assert len(odd) == len(right)
            assert float(odd) > 0
        elif lie is Lie.INCONSISTENT:
            assert odd.partition(".")[1] == right.partition(".")[1]
            assert float(right) < 1 or abs(float(odd) / float(right) - 1) == pytest.approx(0.5, abs=0.1)
    assert changed > 20


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from texts(part)
    else:
        yield str(value)


@pytest.mark.parametrize("frame", [b"{", b"[]", b"{}", b'{"events":[]}', b'{"data":5}', b'{"changes":[]}', b'{"b":{}}'])
def test_frames_without_levels_are_left_alone(frame: bytes) -> None:
    for venue in SUBSCRIBE:
        assert with_wrong_value(venue, frame, Lie.MALFORMED, random.Random(1)) is None
