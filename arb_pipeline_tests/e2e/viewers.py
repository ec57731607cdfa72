"""Many who only listen: live streams without a browser, as the console opens them."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

TOPICS: Final = ("status", "books", "opportunities", "trades", "rejections")
"""What the live view of the opportunities follows, and a little more."""
_BOUND_S: Final = 120.0


class Viewers:
    """``count`` streams in a thread of their own; ``messages`` counts what all of them were sent."""

    def __init__(self, url: str, token: str, count: int) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/api/v1/stream"
        self._token = token
        self._ready = threading.Semaphore(0)
        self._end = threading.Event()
        # nobody waits for ever for streams that hang
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self.count = count
        self.messages = 0
        self.bytes = 0
        self.failures: list[str] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Hold every stream open while the block runs."""
        self._thread.start()
        try:
            deadline = time.monotonic() + _BOUND_S
            for _ in range(self.count):
                is_open = self._ready.acquire(timeout=max(0.0, deadline - time.monotonic()))
                assert is_open, "a stream did not open"
                assert not self.failures, f"a stream did not open: {self.failures}"
            yield
            assert not self.failures, f"a stream ended: {self.failures}"
        finally:
            self._end.set()
            self._thread.join(_BOUND_S)

    async def _all(self) -> None:
        viewers = [asyncio.ensure_future(self._watched()) for _ in range(self.count)]
        await asyncio.to_thread(self._end.wait)
        for viewer in viewers:
            viewer.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)

    async def _watched(self) -> None:
        try:
            await self._one()
        except (OSError, WebSocketException) as e:
            self.failures.append(repr(e))
            self._ready.release()

    async def _one(self) -> None:
        header = {"Authorization": f"Bearer {self._token}"}
        async with connect(self._url, additional_headers=header, max_size=None, proxy=None) as socket:
            await socket.send(json.dumps({"subscribe": TOPICS}))
            self._heard(await socket.recv())
            self._ready.release()
            async for message in socket:
                self._heard(message)

    def _heard(self, message: str | bytes) -> None:
        self.messages += 1
        self.bytes += len(message)
