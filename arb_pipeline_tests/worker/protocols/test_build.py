"""Settings name a protocol; each name gives one that speaks for its feed."""

import pytest

from streaming_worker.errors import ConfigError
from streaming_worker.protocols.build import PROTOCOL_NAMES, build_protocol


@pytest.mark.parametrize("name", PROTOCOL_NAMES)
def test_every_name_gives_a_protocol_of_its_feed(name: str) -> None:
    protocol = build_protocol(name, feed="feed")
    assert protocol.feed == "feed"
    assert protocol.counters == {}
    assert type(protocol).__name__.lower() == name.replace("_", "")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="coinbase_advanced, coinbase_exchange, gemini, gemini_v2, bitstamp, solana"):
        build_protocol("kraken", feed="feed")
