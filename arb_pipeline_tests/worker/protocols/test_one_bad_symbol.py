"""A symbol that its venue does not know takes no other book of the connection down."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.frames import instrument
from streaming_worker.core.events import BookDelta, BookSnapshot, TradePrint
from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.build import build_protocol
from streaming_worker.sandbox.faces.roster import market_faces
from streaming_worker.sandbox.market.stepper import Market

START_NS = 1_790_000_000 * NANOS_PER_SECOND
SYMBOLS = {
    "coinbase_advanced": ("coinbase", "SOL-USD", "NIX-USD"),
    "coinbase_exchange": ("coinbase_exchange", "SOL-USD", "NIX-USD"),
    "gemini": ("gemini", "SOLUSD", "NIXUSD"),
    "gemini_v2": ("gemini_v2", "SOLUSD", "NIXUSD"),
    "bitstamp": ("bitstamp", "solusd", "nixusd"),
}


class Client:
    """A protocol at a local venue, without a socket."""

    def __init__(self, name: str) -> None:
        face, good, bad = SYMBOLS[name]
        venue = Venue(name.partition("_")[0])
        self.market = Market.start(seed=7, start_ns=START_NS)
        self.session = market_faces(self.market)[face].open("/", {"snapshot": "-1"}, START_NS)
        self.good, self.bad = instrument(venue, good), instrument(venue, bad)
        self.protocol = build_protocol(name, feed="feed", instruments=[self.bad, self.good])
        self.events: list[Any] = []
        self.refusals: list[FeedFormatError] = []
        self.protocol.opened(1, START_NS)
        self.send(self.protocol.opening_messages())

    def send(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            self.hear(self.session.receive(message, self.market.now_ns))

    def hear(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            try:
                self.events += self.protocol.receive(frame, self.market.now_ns)
            except FeedFormatError as e:
                self.refusals.append(e)
            self.send(self.protocol.outgoing())

    def play(self, seconds: int) -> None:
        end_ns = self.market.now_ns + seconds * NANOS_PER_SECOND
        while self.market.now_ns < end_ns:
            now_ns = min(self.market.next_ns(), end_ns)
            self.hear(self.session.on_market(self.market.step(now_ns), now_ns))


@pytest.mark.parametrize("name", [name for name in SYMBOLS if name != "bitstamp"])
def test_the_others_are_asked_for_apart_and_come(name: str) -> None:
    client = Client(name)
    client.play(60)
    kinds = {type(event) for event in client.events if getattr(event, "instrument", None) == client.good.key}
    assert {BookSnapshot, BookDelta} <= kinds
    assert TradePrint in kinds or name == "coinbase_exchange"
    assert not [event for event in client.events if getattr(event, "instrument", None) == client.bad.key]
    assert client.refusals
    assert all(refusal.is_harmless for refusal in client.refusals)
    snapshots = [event for event in client.events if isinstance(event, BookSnapshot)]
    assert len(snapshots) <= 2, "a book that stands is left alone"
    assert 2 <= len(client.refusals) <= 24


def test_bitstamp_subscribes_each_channel_by_its_own_message() -> None:
    channels = [json.loads(message)["data"]["channel"] for message in Client("bitstamp").protocol.opening_messages()]
    assert len(channels) == len(set(channels)) == 6
