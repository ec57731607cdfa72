"""Configured feeds become endpoints: each with its own protocol, REST hosts shared only where calls mean the same."""

from dataclasses import replace

import pytest

from streaming_worker.app.feeds import feed_endpoints
from streaming_worker.config import Config, FallbackConfig
from streaming_worker.protocols.gemini import Gemini
from streaming_worker.protocols.gemini_v2 import GeminiV2
from streaming_worker.protocols.solana import Solana


@pytest.fixture
def solana(config: Config) -> Config:
    """Return the configuration with a private node that falls back to a public one."""
    feed = replace(
        config.feeds[2],
        websocket_url="wss://private.example/?api-key=SECRET",
        rest_url="https://private.example/?api-key=SECRET",
        fallback=FallbackConfig(
            protocol="solana", websocket_url="wss://public.example", rest_url="https://public.example"
        ),
    )
    return replace(config, feeds=(feed,))


def test_another_protocol_gets_its_own_endpoint_and_its_own_host(config: Config) -> None:
    first, second = feed_endpoints(config.feeds[1], config)
    assert (type(first.protocol), type(second.protocol)) == (Gemini, GeminiV2)
    assert (first.protocol.feed, second.protocol.feed) == ("gemini", "gemini")
    assert (len(first.rest_urls), len(second.rest_urls)) == (1, 1)
    assert first.rest_urls != second.rest_urls


def test_the_same_protocol_at_two_hosts_shares_both_for_calls(solana: Config) -> None:
    first, second = feed_endpoints(solana.feeds[0], solana)
    assert (type(first.protocol), type(second.protocol)) == (Solana, Solana)
    assert first.protocol is not second.protocol
    assert first.rest_urls == ("https://private.example/?api-key=SECRET", "https://public.example")
    assert second.rest_urls == first.rest_urls[::-1]


def test_a_fallback_to_itself_is_none(solana: Config) -> None:
    feed = solana.feeds[0]
    itself = FallbackConfig(protocol="solana", websocket_url=feed.websocket_url, rest_url=feed.rest_url)
    assert len(feed_endpoints(replace(feed, fallback=itself), solana)) == 1
    assert len(feed_endpoints(replace(feed, fallback=None), solana)) == 1


def test_only_the_host_of_an_endpoint_is_shown(solana: Config) -> None:
    for endpoint in feed_endpoints(solana.feeds[0], solana):
        assert "SECRET" not in repr(endpoint)
    assert feed_endpoints(solana.feeds[0], solana)[0].host == "private.example"
