"""A Coinbase that sends as fast as the line takes it, until it has sent what it was told to, and then keeps still.

Argument: how many updates. It prints its port, answers every line on stdin with what is true of its one book and how
often it was connected to, and ends with stdin. What is sent to one connection is numbered without a hole.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.units import NANOS_PER_SECOND

CLOCK = AnchoredClock()
LEVELS = 200
CHUNK = 500
SUBSCRIPTIONS = 3
BEAT_S = 0.2
SHORT = 126  # RFC 6455, 5.2: a length of 126 stands for two bytes more


class Flood:
    """One book; every update sets one level to a size that never was."""

    def __init__(self, updates: int) -> None:
        self.left = updates
        self.sent = 0
        self.connections = 0
        self.sizes = dict.fromkeys(range(10000, 10000 + 2 * LEVELS), 1)

    async def serve(self, venue: ServerConnection) -> None:
        """Send the book, then the flood or what is left of it, then heartbeats."""
        self.connections += 1
        for _ in range(SUBSCRIPTIONS):
            await venue.recv()
        number = 0
        try:
            await venue.send(_frame(number, "l2_data", [_book("snapshot", list(self.sizes.items()))]))
            while self.left:
                count = min(CHUNK, self.left)
                # as a venue's own kernel would: whole frames at once, no faster than the line takes them
                venue.transport.write(b"".join(map(_framed, self._updates(number + 1, count))))
                number += count
                await venue.drain()
            for beat in range(10**6):
                number += 1
                await venue.send(_frame(number, "heartbeats", [{"current_time": "", "heartbeat_counter": beat}]))
                await asyncio.sleep(BEAT_S)
        except (ConnectionClosed, ConnectionResetError):
            return

    def truth(self) -> str:
        """Return the book and the counts as one line."""
        facts = {"sizes": self.sizes, "sent": self.sent, "left": self.left, "connections": self.connections}
        return json.dumps(facts)

    def _updates(self, number: int, count: int) -> Iterator[str]:
        for at in range(number, number + count):
            self.sent, self.left = self.sent + 1, self.left - 1
            price = 10_000 + self.sent % (2 * LEVELS)
            self.sizes[price] = 1 + self.sent
            yield _frame(at, "l2_data", [_book("update", [(price, self.sizes[price])])])


def _book(kind: str, levels: list[tuple[int, int]]) -> dict[str, object]:
    now = _now()
    updates = [
        {
            "side": "bid" if price < 10_000 + LEVELS else "offer",
            "event_time": now,
            "price_level": f"{price // 100}.{price % 100:02d}",
            "new_quantity": str(size),
        }
        for price, size in levels
    ]
    return {"type": kind, "product_id": "SOL-USD", "updates": updates}


def _frame(number: int, channel: str, events: list[dict[str, object]]) -> str:
    return json.dumps({"channel": channel, "timestamp": _now(), "sequence_num": number, "events": events})


def _framed(text: str) -> bytes:
    data = text.encode()
    assert SHORT <= len(data) < 1 << 16
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


def _now() -> str:
    seconds = CLOCK.now_ns() / NANOS_PER_SECOND
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def main() -> None:
    """Serve until stdin ends."""
    flood = Flood(int(sys.argv[1]))
    async with serve(flood.serve, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=0.2) as server:
        sys.stdout.write(f"{next(iter(server.sockets)).getsockname()[1]}\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(flood.truth() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
