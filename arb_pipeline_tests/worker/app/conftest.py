"""The demo's configuration in a folder of the test's own, and its feeds at given addresses."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from streaming_worker.config import Config, FallbackConfig, load_config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return the demo profile with any free gateway port."""
    loaded = load_config(None, {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(tmp_path / "data")})
    return replace(loaded, gateway=replace(loaded.gateway, port=0), capture=replace(loaded.capture, rotate_seconds=1))


@pytest.fixture
def with_feeds() -> Callable[..., Config]:
    """Return a function that points the feeds at (WebSocket, REST) addresses, optionally with a fallback."""

    def moved(
        config: Config, addresses: Mapping[str, tuple[str, str]], fallbacks: Mapping[str, FallbackConfig] | None = None
    ) -> Config:
        feeds = tuple(
            replace(
                feed,
                websocket_url=addresses[feed.name][0],
                rest_url=addresses[feed.name][1],
                fallback=(fallbacks or {}).get(feed.name),
            )
            for feed in config.feeds
        )
        return replace(config, feeds=feeds)

    return moved
