"""What a console and a program ask for, by many of them at once; run by ``run.py``, never collected as a test.

Each user has a key and an address of its own (the stand's API believes X-Forwarded-For from this machine), so that the
rate limits are those that ship: 100 a minute for each address and each key.
"""

import itertools
import os
from pathlib import Path

from locust import FastHttpUser, between, task

_KEYS = Path(os.environ["LOAD_KEYS"]).read_text(encoding="utf-8").split()
_NUMBERS = itertools.count()
API = "/api/v1"


class Viewer(FastHttpUser):
    """Looks at the screens of the console, every one to five seconds at another one."""

    wait_time = between(1, 5)

    def on_start(self) -> None:
        """Take a key and an address."""
        number = next(_NUMBERS)
        self._headers = {
            "Authorization": f"Bearer {_KEYS[number % len(_KEYS)]}",
            "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        }

    def _get(self, path: str, name: str | None = None) -> None:
        self.client.get(f"{API}{path}", headers=self._headers, name=name or path)

    @task(6)
    def status(self) -> None:
        self._get("/status")

    @task(3)
    def feeds(self) -> None:
        self._get("/feeds")

    @task(2)
    def books(self) -> None:
        self._get("/books")

    @task(1)
    def book(self) -> None:
        self._get("/books/coinbase:SOL-USD", "/books/{key}")

    @task(3)
    def opportunities(self) -> None:
        self._get("/opportunities?limit=50")

    @task(2)
    def trades(self) -> None:
        self._get("/trades?limit=50")

    @task(2)
    def rejections(self) -> None:
        self._get("/rejections/summary")

    @task(2)
    def risk(self) -> None:
        self._get("/risk")

    @task(1)
    def inventory(self) -> None:
        self._get("/inventory")

    @task(1)
    def gaps(self) -> None:
        self._get("/gaps?limit=50")

    @task(1)
    def pnl(self) -> None:
        self._get("/pnl")

    @task(1)
    def me(self) -> None:
        self._get("/auth/me")
