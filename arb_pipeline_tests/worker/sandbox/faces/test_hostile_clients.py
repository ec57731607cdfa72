"""Whatever a client sends, a face answers with JSON text or hangs up; it never breaks."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming_worker.sandbox.faces.roster import market_faces
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.market.stepper import Market

MARKET = Market.start(seed=1, start_ns=1_790_000_000_000_000_000)
FACES = market_faces(MARKET)

WORDS = [
    "subscribe",
    "unsubscribe",
    "level2",
    "level2_batch",
    "heartbeat",
    "heartbeats",
    "matches",
    "SOL-USD",
    "SOLUSD",
    "l2",
    "solusd@depth",
    "solusd@trade",
    "bts:subscribe",
    "bts:unsubscribe",
    "diff_order_book_solusd",
    "live_trades_",
    "accountSubscribe",
    "slotUnsubscribe",
    "getMultipleAccounts",
    "getAccountInfo",
    "base64",
    "confirmed",
    "é",
    "So11111111111111111111111111111111111111112",
]
KEYS = [
    "type",
    "channel",
    "product_ids",
    "channels",
    "name",
    "id",
    "method",
    "params",
    "subscriptions",
    "symbols",
    "encoding",
    "commitment",
    "minContextSlot",
    "event",
    "data",
]
scalars = st.sampled_from([None, True, -1, 0, 1.5, 2**70, *WORDS])
values = scalars | st.lists(scalars | st.lists(scalars, max_size=2), max_size=3)
values |= st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
messages = st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(lambda body: json.dumps(body).encode())
targets = st.sampled_from(
    [
        "/",
        "//[",
        "/v1/book/solusd?limit_bids=",
        "/v1/symbols/details/",
        "/api/v3/brokerage/market/product_book?limit=",
        "/api/v2/order_book/",
    ]
)


@pytest.mark.parametrize("venue", sorted(FACES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames=st.lists(st.binary(max_size=40) | messages, max_size=4))
def test_any_frame_is_answered_in_json(venue: str, frames: list[bytes]) -> None:
    session = FACES[venue].open("/", {"snapshot": "--3"}, MARKET.now_ns)
    for frame in frames:
        for output in session.receive(frame, MARKET.now_ns):
            assert isinstance(output, bytes)
            json.loads(output)
    assert session.due_ns() > MARKET.now_ns


@pytest.mark.parametrize("venue", sorted(FACES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=targets,
    rest=st.sampled_from(["", "-1", "--5", "²", "9" * 5_000, "SOLUSD", "0&product_id=SOL-USD"]) | st.text(max_size=10),
    body=st.binary(max_size=40) | messages,
)
def test_any_call_is_answered(venue: str, method: str, path: str, rest: str, body: bytes) -> None:
    call: Any = HttpCall(key="", method=method, path=path + rest, body=body)
    reply = FACES[venue].answer(call, MARKET.now_ns)
    assert 200 <= reply.status < 500
    assert isinstance(reply.body, bytes)
