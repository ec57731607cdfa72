"""The queue takes a frame whole or not at all, counts what it refuses, and always hears the service itself."""

import asyncio

import pytest

from streaming_worker.core.events import ClockTick, Event
from streaming_worker.errors import ConfigError
from streaming_worker.service.bus import Bus


def ticks(*times: int) -> list[Event]:
    return [ClockTick(time) for time in times]


def test_a_frame_that_does_not_fit_is_refused_whole_and_counted() -> None:
    bus = Bus(capacity=3)
    assert bus.offer("coinbase", ticks(1, 2))
    assert not bus.offer("coinbase", ticks(3, 4))
    assert not bus.offer("gemini", ticks(5, 6))
    assert bus.offer("coinbase", ticks(7))
    assert bus.take(10) == ticks(1, 2, 7)
    assert dict(bus.dropped) == {"coinbase": 2, "gemini": 2}
    assert bus.reading() == {
        "waiting": 0, "capacity": 3, "high_water": 3, "dropped.coinbase": 2, "dropped.gemini": 2,
    }  # fmt: skip


def test_a_tenth_of_the_queue_is_worth_a_word() -> None:
    bus = Bus(capacity=20)
    bus.offer("coinbase", ticks(1))
    assert bus.complaints() == []
    bus.offer("coinbase", ticks(2))
    assert bus.complaints() == ["queue: 2 of 20 events wait for the engine"]
    bus.take(1)
    assert bus.complaints() == []


def test_what_the_service_says_is_never_refused() -> None:
    bus = Bus(capacity=1)
    assert bus.offer("coinbase", ticks(1))
    bus.announce(ticks(2, 3))
    assert bus.take(10) == ticks(1, 2, 3)
    assert not bus.dropped


def test_order_is_kept_over_limited_takes() -> None:
    bus = Bus()
    bus.offer("coinbase", ticks(1, 2, 3))
    assert [*bus.take(2), *bus.take(2), *bus.take(2)] == ticks(1, 2, 3)


async def test_the_consumer_waits_until_something_comes_time_passes_or_it_ends() -> None:
    bus = Bus()
    waiting = asyncio.ensure_future(bus.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.offer("coinbase", ticks(1))
    await waiting
    assert bus.take(10) == ticks(1)
    waiting = asyncio.ensure_future(bus.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.nudge()
    await waiting
    assert bus.take(10) == []
    bus.announce([])
    waiting = asyncio.ensure_future(bus.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.close()
    await waiting


async def test_a_closed_bus_is_finished_once_it_is_empty() -> None:
    bus = Bus()
    bus.offer("coinbase", ticks(1, 2))
    bus.close()
    assert not bus.is_finished
    bus.take(1)
    await bus.wait()
    assert not bus.is_finished
    bus.take(1)
    assert bus.is_finished


def test_a_bus_without_room_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        Bus(0)
