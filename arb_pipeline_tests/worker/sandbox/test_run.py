"""What the command runs: addresses announced, the saved market continued, an end within two seconds."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.market.spec import HISTORY_PACE, LIVE_PACE, DislocationSpec
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.run import VenueOptions, open_market, run_venues

SECONDS = 1_000_000_000


async def started(options: VenueOptions) -> tuple[asyncio.Task[None], dict[str, str]]:
    lines: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(run_venues(options, clock=time.monotonic_ns, announce=lines.put_nowait))
    urls: dict[str, str] = {}
    async with asyncio.timeout(60):
        while "control_http" not in urls:
            name, _, url = (await lines.get()).partition(" ")
            urls[name] = url
    return task, urls


async def test_it_announces_every_address_and_ends_when_cancelled() -> None:
    task, urls = await started(VenueOptions(seed=3, base_port=0))
    assert set(urls) == {
        *(
            f"{venue}_{kind}"
            for venue in ("coinbase", "coinbase_exchange", "gemini", "gemini_v2", "bitstamp", "solana")
            for kind in ("ws", "http")
        ),
        "control_http",
    }
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.get(f"{urls['control_http']}/status")).json()["market"]["seed"] == 3
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 8


EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "faults.toml"


async def test_a_script_of_faults_is_played_and_told_of(tmp_path: Path) -> None:
    """The documented example is sound; its first fault, begun at once, shows up at the control port."""
    script = tmp_path / "faults.toml"
    script.write_text(EXAMPLE.read_text(encoding="utf-8").replace("at_ms = 10000", "at_ms = 0"), encoding="utf-8")
    task, urls = await started(VenueOptions(base_port=0, faults=script))
    async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(60):
        while not (faults := (await http.get(f"{urls['control_http']}/faults")).json()):
            continue
    assert (faults[0]["spec"]["kind"], faults[0]["spec"]["symbol"]) == ("drop", "SOL-USD")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_recorded_venue_replaces_the_synthetic_one(tmp_path: Path) -> None:
    path = tmp_path / "gemini.tsv"
    path.write_bytes(b'1\t{"e":"depthUpdate"}\n')
    task, urls = await started(VenueOptions(captures=(path,), speed=None, base_port=0))
    async with httpx.AsyncClient(timeout=60) as http:
        venues = (await http.get(f"{urls['control_http']}/status")).json()["venues"]
        truth = await http.get(f"{urls['control_http']}/truth/gemini/SOL-USD")
    assert {name: venue["mode"] for name, venue in venues.items() if venue["mode"] == "playback"} == {
        "gemini": "playback"
    }
    assert truth.status_code == 404
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_saved_market_goes_on_now_with_the_same_prices(tmp_path: Path) -> None:
    past = Market.start(seed=9, start_ns=5 * SECONDS, pace=HISTORY_PACE)
    past.step(900 * SECONDS)
    path = tmp_path / "market.json"
    path.write_bytes(past.dump())
    spec = DislocationSpec(mean_interval_ns=0)
    market = open_market(VenueOptions(market_state=path, dislocations=spec), now_ns=5_000 * SECONDS)
    assert (market.seed, market.now_ns, market.pace) == (9, 5_000 * SECONDS, LIVE_PACE)
    assert market.pool.market == past.pool.market
    assert [book.bids.levels for book in market.books] == [book.bids.levels for book in past.books]
    assert market.dislocations.spec == spec
    assert market.dislocations.count == past.dislocations.count > 0


def test_a_new_market_takes_its_options() -> None:
    plain = open_market(VenueOptions(seed=4), now_ns=SECONDS)
    more = open_market(VenueOptions(seed=4, extra_books=True), now_ns=SECONDS)
    assert [book.spec.symbol for book in plain.books] == ["SOL-USD"] * 3
    assert {book.spec.symbol for book in more.books} == {"SOL-USD", "BTC-USD", "ETH-USD", "SOL-BTC"}


@pytest.mark.parametrize("content", [b"", b"{}", b"no json"])
def test_a_broken_state_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.json"):
        open_market(VenueOptions(market_state=path), now_ns=0)
    with pytest.raises(ConfigError, match="gone"):
        open_market(VenueOptions(market_state=tmp_path / "gone"), now_ns=0)


async def test_a_script_of_faults_is_played(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[faults]]\nkind = "drop"\nvenue = "gemini"\nduration_ms = 60_000\n')
    task, urls = await started(VenueOptions(faults=path, base_port=0))
    async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(60):
        while not (told := (await http.get(f"{urls['control_http']}/faults")).json()):
            continue
    assert [(fault["spec"]["kind"], fault["spec"]["venue"], fault["ended_ns"]) for fault in told] == [
        ("drop", "gemini", None)
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    path.write_text("[[faults]]\n")
    with pytest.raises(ConfigError, match=r"faults\.toml"):
        await run_venues(VenueOptions(faults=path, base_port=0), clock=time.monotonic_ns)
