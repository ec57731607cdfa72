"""Live streams in a crowd: how late each viewer has a change after the first one, while some of them never read.

The crowd runs in this process, so that its own delay is part of what is measured; the delay said is an upper bound.
"""

import asyncio
import contextlib
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from arb_pipeline_tests.deploy.watchtower import text_at
from arb_pipeline_tests.load.stand import Stand

TICK_MS: Final = 100
TOPICS: Final = ("status", "risk", "feeds", "books", "opportunities", "trades", "rejections", "inventory")
_CUT: Final = "arb_api_viewers_cut_total"
_Change = tuple[str, int]


@dataclass
class Crowd:
    """When each change came to each reader, by the monotonic clock in ms."""

    first: dict[_Change, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    readers: dict[int, int] = field(default_factory=dict)

    async def read(self, number: int, socket: ClientConnection) -> None:
        """Read to the end, and note how much later than the first one each change came."""
        self.readers[number] = 0
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                now = time.monotonic() * 1000
                # The head is enough; taking every message apart would cost more than sending it did.
                head = json.loads(text[: text.index(',"data":')] + "}")
                if head["kind"] == "delta":
                    change = (head["topic"], head["seq"])
                    self.delays.append(now - self.first.setdefault(change, now))
                    self.readers[number] += 1


def measure_viewers(stand: Stand, viewers: int, silent: int, seconds: int) -> dict[str, Any]:
    """Return what a crowd saw in so many seconds after all of them were in."""
    keys = (stand.folder / "keys.txt").read_text(encoding="utf-8").split()
    before, already = stand.used()["api"], _cut(stand)
    crowd, most_mb = asyncio.run(_watched(stand, keys, viewers, silent, seconds))
    after = stand.used()["api"]
    delays = sorted(crowd.delays)

    def at(share: float) -> float | None:
        return round(delays[min(int(len(delays) * share), len(delays) - 1)], 1) if delays else None

    return {
        "viewers": viewers,
        "silent": silent,
        "seconds": seconds,
        "changes": len(crowd.first),
        "messages": len(delays),
        "silent_cut": _cut(stand) - already,
        "readers_alive": sum(1 for count in crowd.readers.values() if count),
        "delay_p50_ms": at(0.5),
        "delay_p99_ms": at(0.99),
        "delay_max_ms": at(1.0),
        "later_than_a_tick_percent": round(100 * sum(one > TICK_MS for one in delays) / max(len(delays), 1), 3),
        "api_memory_before_mb": round(before.memory_mb),
        "api_memory_most_mb": round(most_mb),
        "api_memory_after_mb": round(after.memory_mb),
    }


async def _watched(stand: Stand, keys: list[str], viewers: int, silent: int, seconds: int) -> tuple[Crowd, float]:
    url = f"{stand.api.replace('http', 'ws')}/api/v1/stream"
    crowd, most_mb = Crowd(), 0.0
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        tasks = []
        for number in range(viewers):
            one = await stack.enter_async_context(_opened(url, keys[number % len(keys)], number, number < silent))
            await one.send(json.dumps({"subscribe": TOPICS}))
            if number >= silent:
                tasks.append(group.create_task(crowd.read(number, one)))
        crowd.first.clear()
        crowd.delays.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            most_mb = max(most_mb, stand.used()["api"].memory_mb)
            await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
    return crowd, most_mb


def _cut(stand: Stand) -> int:
    """Return how many viewers the API has cut for being slow."""
    families = text_string_to_metric_families(text_at(f"{stand.api}/metrics"))
    samples = [sample for family in families for sample in family.samples]
    slow = [one.value for one in samples if one.name == _CUT and one.labels["reason"] == "slow"]
    return int(sum(slow))


def _opened(url: str, key: str, number: int, is_silent: bool) -> connect:
    options: dict[str, Any] = {}
    if is_silent:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024)
        address = urlsplit(url)
        made.connect((address.hostname, address.port))
        made.setblocking(False)
        options = {"sock": made, "max_queue": 1}
    return connect(
        url,
        subprotocols=["arb.v1", f"bearer.{key}"],  # type: ignore[list-item]  # a subprotocol is text
        additional_headers={"X-Forwarded-For": f"10.9.{number // 250}.{number % 250}"},
        proxy=None,
        ping_interval=None,
        compression=None,
        **options,
    )
