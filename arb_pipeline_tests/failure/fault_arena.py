"""The whole worker against the local venues on real sockets, in a time of its own, with the truth at hand."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx

from streaming_worker.adapters.http import HttpSettings
from streaming_worker.app import Tuning, run_worker
from streaming_worker.config import Config, load_config
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.market.spec import DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox
from streaming_worker.service.capture import RetrySettings
from streaming_worker.service.connection import ConnectionSettings

SECONDS = 1_000_000_000
START_BOUND_S = 60.0
GET_ATTEMPTS = 3
LOOKS = 10
MOST_LOOKS = 400
POOL = f"orca:{POOL_ADDRESS}"


class FastClock:
    """A clock whose seconds pass ``rate`` times as fast; sleeps are as much shorter."""

    def __init__(self, rate: int, start_ns: int = 1_790_000_000 * SECONDS) -> None:
        self.rate = rate
        self._start_ns = start_ns
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        return self._start_ns + (time.monotonic_ns() - self._began_ns) * self.rate

    def monotonic_ns(self) -> int:
        return self.now_ns()

    def drift_ns(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.rate)


@dataclass(frozen=True, slots=True)
class Watched:
    """One book: its registry key, the local venue that tells of it, and its feed's settings."""

    key: str
    venue: str
    protocol: str
    market: tuple[str, str]
    price_tick: str
    lot: str
    path: str = ""


BOOKS = (
    Watched("coinbase:SOL-USD", "coinbase", "coinbase_advanced", ("coinbase", "SOL-USD"), "0.01", "0.00000001"),
    Watched(
        "coinbase:BTC-USD", "coinbase_exchange", "coinbase_exchange", ("coinbase", "BTC-USD"), "0.01", "0.00000001"
    ),
    Watched("gemini:SOLUSD", "gemini", "gemini", ("gemini", "SOL-USD"), "0.001", "0.000001", "/?snapshot=-1"),
    Watched("gemini:BTCUSD", "gemini_v2", "gemini_v2", ("gemini", "BTC-USD"), "0.01", "0.00000001"),
    Watched("bitstamp:solusd", "bitstamp", "bitstamp", ("bitstamp", "SOL-USD"), "0.0001", "0.00000001"),
)
VENUES = (*(book.venue for book in BOOKS), "solana")


def settings_text(urls: dict[str, str]) -> str:
    """Return the worker's settings as an operator would write them."""
    parts = ['[worker]\nname = "faults"\n[capture]\nraw_frames = true\n']
    for book in BOOKS:
        venue, symbol = book.key.split(":")
        parts.append(
            f'[[instruments]]\nvenue = "{venue}"\nsymbol = "{symbol}"\nbase = "{book.market[1][:3]}"\nquote = "USD"\n'
            f'price_tick = "{book.price_tick}"\nlot = "{book.lot}"\nmin_size = "{book.lot}"\n'
        )
        parts.append(
            f'[[feeds]]\nname = "{book.venue}"\nprotocol = "{book.protocol}"\ninstruments = ["{book.key}"]\n'
            f'websocket_url = "{urls[f"{book.venue}_ws"]}{book.path}"\nrest_url = "{urls[f"{book.venue}_http"]}"\n'
        )
    parts.append(
        f'[[pools]]\nvenue = "orca"\naddress = "{POOL_ADDRESS}"\nbase = "SOL"\nquote = "USDC"\n'
        "base_decimals = 9\nquote_decimals = 6\n"
        f'[[feeds]]\nname = "solana"\nprotocol = "solana"\npools = ["{POOL}"]\n'
        f'websocket_url = "{urls["solana_ws"]}"\nrest_url = "{urls["solana_http"]}"\n'
    )
    parts += [
        f'[[fees]]\nvenue = "{venue}"\ntaker_percent = "0.25"\nsource = "test"\n'
        for venue in ("coinbase", "gemini", "bitstamp")
    ]
    parts.append(
        '[[stable_bases]]\nasset = "USDC"\nagainst = "USD"\nreceive_bps = "1"\npay_bps = "1"\nsource = "test"\n'
    )
    return "\n".join(parts)


class Arena:
    """A running sandbox and a running worker; both see the same time."""

    def __init__(self, sandbox: Sandbox, clock: FastClock, client: httpx.AsyncClient, config: Config) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.client = client
        self.config = config

    async def get(self, path: str) -> dict[str, Any]:
        """Ask the gateway; a kept connection may be closed by its other end just when it is used again."""
        for _ in range(GET_ATTEMPTS - 1):
            with suppress(httpx.TransportError):
                return dict((await self.client.get(path)).json())
        return dict((await self.client.get(path)).json())

    async def is_recovered(self) -> bool:
        """Say whether every book and the pool are trusted."""
        feeds = (await self.get("/health"))["feeds"]
        return all(not feed["unsynced"] for feed in feeds.values())

    async def until_recovered(self) -> None:
        """Return once everything is trusted for the first time."""
        async with asyncio.timeout(START_BOUND_S):
            while not await self.is_recovered():
                continue

    async def divergences(self) -> list[str]:
        """Compare whatever the worker trusts with the truth, level for level; one line for each thing that differs."""
        lines: list[str] = []
        for book in BOOKS:
            held = await self.get(f"/book/{book.key}")
            truth = self.sandbox.hub.market.book(*book.market) if self.sandbox.hub.market else None
            assert truth is not None
            if held["is_synced"]:
                lines += [f"{book.key}: {line}" for line in _book_differs(held, truth)]
        pool = await self.get(f"/pool/{POOL}")
        return lines + ([f"pool: {line}" for line in self._pool_differs(pool)] if pool["is_synced"] else [])

    async def lasting_divergences(self) -> list[str]:
        """Compare until nothing differs, or until what differs has stayed the same while nothing waited to be read.

        Venues and worker share one event loop, so that it is the number of its rounds, not the time, in which what was
        sent arrives: on a busy machine little happens in a second.
        """
        before: list[str] = []
        same = 0
        for _ in range(MOST_LOOKS):
            lines = await self.divergences()
            if not lines:
                return []
            is_idle = not (await self.get("/state"))["metrics"]["bus"]["waiting"]
            same = same + 1 if is_idle and lines == before else 0
            if same >= LOOKS:
                return lines
            before = lines
        return before

    async def untrusted(self) -> list[str]:
        """Return what the worker does not trust now."""
        feeds = (await self.get("/health"))["feeds"]
        return [key for feed in feeds.values() for key in feed["unsynced"]]

    def _pool_differs(self, held: dict[str, Any]) -> Iterator[str]:
        market = self.sandbox.hub.market
        assert market is not None
        truth = market.pool.market
        right = {
            "liquidity": str(truth.pool.liquidity),
            "sqrt_price_x64": str(truth.pool.sqrt_price_x64),
            "tick_current_index": truth.pool.tick_current_index,
        }
        for name, value in right.items():
            if held[name] != value:
                yield f"{name} is {value}, held {held[name]} (slot {held['slot']}, now {market.pool.slot})"
        for start, ticks in held["arrays"].items():
            array = truth.arrays.get(int(start))
            there = (
                []
                if array is None
                else [[tick.tick_index, str(tick.liquidity_net), str(tick.liquidity_gross)] for tick in array.ticks]
            )
            if ticks != there:
                yield f"array {start} has {len(there)} ticks, held {len(ticks)}, or they differ"


def _book_differs(held: dict[str, Any], truth: BookModel) -> Iterator[str]:
    spec = truth.spec
    price_unit, size_unit = 10 ** (8 - spec.price_decimals), 10 ** (8 - spec.size_decimals)
    for name, ladder in (("bids", truth.bids), ("asks", truth.asks)):
        right = {price * price_unit: lots * size_unit for price, lots in ladder.levels.items()}
        mine = {exact(price): exact(size) for price, size in held[name]}
        wrong = {price for price in right.keys() | mine.keys() if right.get(price) != mine.get(price)}
        if wrong:
            best = max(wrong) if name == "bids" else min(wrong)
            yield f"{len(wrong)} {name} differ, the best at {best}: {right.get(best)} is true, {mine.get(best)} held"


def exact(text: str) -> int:
    """Return decimal text times 1e8."""
    return int(Decimal(text).scaleb(8))


@asynccontextmanager
async def arena(
    folder: Path, *, rate: int, seed: int, connection: ConnectionSettings | None = None
) -> AsyncIterator[Arena]:
    """Run venues and worker together until the block ends; then the record is sealed."""
    limits = tuning() if connection is None else replace(tuning(), connection=connection)
    clock = FastClock(rate)
    spec = default_market(extra_books=True, dislocations=DislocationSpec(mean_interval_ns=20 * SECONDS))
    market = Market.start(seed=seed, start_ns=clock.now_ns(), spec=spec)
    async with Sandbox(clock=clock.now_ns, rate=rate, market=market, base_port=0) as sandbox:
        path = folder / "faults.toml"
        path.write_text(settings_text(sandbox.urls))
        environ = {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(folder / "data"), "ARB_PORT_GATEWAY": "1"}
        config = with_free_port(load_config(path, environ))
        stop = asyncio.Event()
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        worker = asyncio.ensure_future(
            run_worker(config, clock=clock, stop=stop, ready=ready.set_result, tuning=limits, random=Random(seed))
        )
        try:
            await asyncio.wait([ready, worker], timeout=START_BOUND_S, return_when=asyncio.FIRST_COMPLETED)
            async with httpx.AsyncClient(base_url=await ready, trust_env=False, timeout=30) as client:
                yield Arena(sandbox, clock, client, config)
        finally:
            stop.set()
            async with asyncio.timeout(START_BOUND_S):
                await worker


def with_free_port(config: Config) -> Config:
    """Return the settings with any free port for the gateway."""
    return replace(config, gateway=replace(config.gateway, port=0))


def tuning() -> Tuning:
    """Return limits that make silence and retries short enough to be met often."""
    return Tuning(
        connection=ConnectionSettings(silence_s=6.5, keepalive_s=2.0),
        retry=RetrySettings(backoff_base_s=0.2, backoff_cap_s=2.0, stable_after_s=5.0),
        http=HttpSettings(backoff_base_s=0.2, backoff_cap_s=1.0),
    )
