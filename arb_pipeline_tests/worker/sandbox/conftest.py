"""A market at a fixed moment, and small readers of what the faces say."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streaming_worker.sandbox.faces.session import Output
from streaming_worker.sandbox.market.spec import DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market

START_NS = 1_790_000_000_123_456_789


@pytest.fixture
def start_ns() -> int:
    """Return the moment at which the markets of these tests begin."""
    return START_NS


@pytest.fixture
def market() -> Market:
    """Return a small market with seed 7."""
    return Market.start(seed=7, start_ns=START_NS)


@pytest.fixture
def calm_market() -> Market:
    """Return the market of seed 7 in which no price ever leaves the others."""
    spec = default_market(dislocations=DislocationSpec(mean_interval_ns=0))
    return Market.start(seed=7, start_ns=START_NS, spec=spec)


@pytest.fixture
def decode() -> Callable[[Sequence[Output]], list[Any]]:
    """Return a reader of text frames."""

    def read(outputs: Sequence[Output]) -> list[Any]:
        assert all(isinstance(output, bytes) for output in outputs)
        return [json.loads(output) for output in outputs if isinstance(output, bytes)]

    return read
