"""What others pay for priority: asked for the pool's written accounts, read in order, harmless when it fails."""

import json

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS
from arb_pipeline_tests.fixtures.market import ADDRESS, POOL, SLOT, pool_state
from arb_pipeline_tests.worker.protocols.test_solana import POOLS, Session
from streaming_worker.core.events import PriorityFees
from streaming_worker.core.units import E8
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.build import build_protocol
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.market.stepper import Market


def asking() -> tuple[Session, HttpRequest]:
    """Return a settled session and its first question about fees."""
    session = Session()
    session.protocol = build_protocol("solana", feed="solana", pools=POOLS, asks_priority_fees=True)
    session.events = session.protocol.opened(1, NOW_NS)
    session.opening = session.protocol.opening_messages()
    session.settle()
    session.protocol.receive(session.node.next_slot(), NOW_NS)
    (request,) = session.protocol.http_requests()
    return session, request


def answer(*fees: tuple[int, int]) -> bytes:
    """Return a node's answer."""
    listed = [{"slot": slot, "prioritizationFee": fee} for slot, fee in fees]
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": listed}).encode()


def test_the_call_names_the_accounts_that_every_swap_writes_and_may_fail() -> None:
    _, request = asking()
    state = pool_state(150 * E8)
    body = json.loads(request.body or b"")
    assert body["method"] == "getRecentPrioritizationFees"
    assert body["params"] == [[ADDRESS, state.token_vault_a, state.token_vault_b]]
    assert request.may_fail


def test_fees_come_out_lowest_first_with_the_newest_slot() -> None:
    session, request = asking()
    body = answer((SLOT - 2, 70), (SLOT, 0), (SLOT - 1, 5))
    assert session.protocol.receive_http(request, body, NOW_NS) == [PriorityFees(POOL, SLOT, (0, 5, 70), NOW_NS)]


def test_no_fees_at_all_are_an_answer_too() -> None:
    session, request = asking()
    (event,) = session.protocol.receive_http(request, answer(), NOW_NS)
    assert (event.fees, event.slot) == ((), session.node.slot)


def test_a_refusal_says_nothing_and_the_question_comes_again_some_slots_later() -> None:
    session, request = asking()
    refusal = b'{"jsonrpc":"2.0","error":{"code":429,"message":"slow down"},"id":1}'
    assert session.protocol.receive_http(request, refusal, NOW_NS) == []
    asked = []
    for _ in range(25):
        session.protocol.receive(session.node.next_slot(), NOW_NS)
        asked += [r for r in session.protocol.http_requests() if "Prioritization" in r.key]
    assert len(asked) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"result":[{"slot":-1,"prioritizationFee":1}]}', b"\xff"])
def test_bytes_that_are_no_answer_are_harmless_to_the_pool(body: bytes) -> None:
    session, request = asking()
    with pytest.raises(FeedFormatError) as caught:
        session.protocol.receive_http(request, body, NOW_NS)
    assert caught.value.is_harmless


def test_before_the_pool_is_known_nobody_is_asked_and_a_new_connection_starts_over() -> None:
    session = Session()
    protocol = build_protocol("solana", feed="solana", pools=POOLS, asks_priority_fees=True)
    protocol.opened(1, NOW_NS)
    protocol.http_requests()
    protocol.receive(session.node.next_slot(), NOW_NS)
    assert not [r for r in protocol.http_requests() if "Prioritization" in r.key]
    again, _ = asking()
    again.protocol.opened(2, NOW_NS)
    again.protocol.http_requests()
    again.opening = again.protocol.opening_messages()
    again.confirm(again.opening)
    again.answer()
    again.protocol.receive(again.node.next_slot(), NOW_NS)
    assert [r for r in again.protocol.http_requests() if "Prioritization" in r.key]


def test_the_local_node_answers_as_a_node_does() -> None:
    market = Market.start(seed=1, start_ns=NOW_NS)
    face = SolanaFace(market)
    session, request = asking()
    reply = face.answer(HttpCall(key=request.key, method="POST", path="", body=request.body or b""), NOW_NS)
    (event,) = session.protocol.receive_http(request, reply.body, NOW_NS)
    assert (len(event.fees), event.slot) == (150, market.pool.slot)
    assert list(event.fees) == sorted(event.fees)
    assert event.fees[75] > 0


@pytest.mark.parametrize("params", ['["x"]', '[["not a key"]]', json.dumps([[ADDRESS] * 129])])
def test_the_local_node_refuses_what_a_node_refuses(params: str) -> None:
    face = SolanaFace(Market.start(seed=1, start_ns=NOW_NS))
    body = f'{{"jsonrpc":"2.0","id":1,"method":"getRecentPrioritizationFees","params":{params}}}'.encode()
    reply = json.loads(face.answer(HttpCall(key="x", method="POST", path="", body=body), NOW_NS).body)
    assert reply["error"]["code"] == -32602
