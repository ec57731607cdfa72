"""The smallest faults after which the worker once trusted what was wrong."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.failure.fault_arena import SECONDS, arena
from streaming_worker.core.events import PoolUpdate
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.protocols.solana import Solana
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faults.campaign import Planned, QuietPoint, Round, run_campaign
from streaming_worker.sandbox.faults.spec import Ending, FaultKind, FaultSpec, Lie
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.market.stepper import Market

START_NS = 1_790_000_000 * SECONDS
RATE = 5


class Node:
    """One protocol at the local node, without sockets; the reply to the pool's subscription is lost once."""

    def __init__(self) -> None:
        self.market = Market.start(seed=7, start_ns=START_NS)
        self.face = SolanaFace(self.market)
        self.session = self.face.open("/", {}, START_NS)
        pool = Pool(venue=Venue.ORCA, address=POOL_ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
        self.protocol = Solana("solana", [pool])
        self.lost = 0
        self.updates_ns: list[int] = []
        self.protocol.opened(1, START_NS)
        for message in self.protocol.opening_messages():
            self.hear(self.session.receive(message, START_NS))
        self.ask()

    def hear(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            message = json.loads(frame)
            if not self.lost and "result" in message and message["id"] == 2:
                self.lost += 1
                continue
            self.note(self.protocol.receive(frame, self.market.now_ns))
        self.ask()

    def ask(self) -> None:
        now_ns = self.market.now_ns
        for message in self.protocol.outgoing():
            self.hear(self.session.receive(message, now_ns))
        for request in self.protocol.http_requests():
            call = HttpCall(key=request.key, method=request.method, path="/", body=request.body or b"")
            self.note(self.protocol.receive_http(request, self.face.answer(call, now_ns).body, now_ns))

    def note(self, events: Sequence[Any]) -> None:
        self.updates_ns += [event.received_ns for event in events if isinstance(event, PoolUpdate)]

    def play(self, seconds: int) -> None:
        end_ns = self.market.now_ns + seconds * SECONDS
        while self.market.now_ns < end_ns:
            now_ns = min(self.market.next_ns(), end_ns)
            self.hear(self.session.on_market(self.market.step(now_ns), now_ns))


def test_a_pool_whose_subscription_was_never_confirmed_is_subscribed_again() -> None:
    node = Node()
    node.play(60)
    assert node.lost == 1
    assert len([at_ns for at_ns in node.updates_ns if at_ns > START_NS + 30 * SECONDS]) > 20


async def fight(folder: Path, spec: FaultSpec) -> list[str]:
    """Do one thing to a worker that is well; return what it trusts wrongly twenty seconds later."""
    wrong: list[str] = []
    async with arena(folder, rate=RATE, seed=5) as field:
        await field.until_recovered()

        async def compare(point: QuietPoint) -> None:
            if not point.done[0][1].affected:
                raise LookupError("the fault met nothing")
            wrong.extend(await field.lasting_divergences())

        rounds = [Round(1, (Planned(spec.kind.value, spec),), 20_000)]
        await run_campaign(
            field.sandbox.hub, field.sandbox.layer, rounds, at_quiet=compare, is_recovered=field.is_recovered
        )
    return wrong


@pytest.mark.fault
@pytest.mark.parametrize("venue", ["coinbase", "gemini", "gemini_v2", "coinbase_exchange"])
async def test_a_book_that_stays_crossed_is_asked_for_again(tmp_path: Path, venue: str) -> None:
    spec = FaultSpec(kind=FaultKind.CORRUPT_VALUES, venue=venue, lie=Lie.INCONSISTENT, duration_ms=5_000, most=2)
    assert await fight(tmp_path, spec) == []


@pytest.mark.fault
@pytest.mark.parametrize("venue", ["coinbase", "coinbase_exchange"])
async def test_a_coinbase_snapshot_of_long_ago_is_not_taken_for_new(tmp_path: Path, venue: str) -> None:
    spec = FaultSpec(kind=FaultKind.STALE_REPLAY, venue=venue, ending=Ending.LOST, at_ms=30_000, duration_ms=3_000)
    assert await fight(tmp_path, spec) == []
