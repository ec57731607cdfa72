"""What `arb venues` runs: the sandbox from its options until it is told to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.captures import load_captures
from streaming_worker.sandbox.faces.roster import VENUES
from streaming_worker.sandbox.faults.script import load_script
from streaming_worker.sandbox.market.spec import DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import BASE_PORT, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOptions:
    """How the local venues are to be run.

    ``speed`` None plays recordings without waiting. ``market_state`` is a file with what ``Market.dump`` gave; the
    market goes on from there. ``dislocations`` None keeps the state's own, or the usual ones. ``faults`` is a script
    of what is to go wrong, TOML or JSON.
    """

    seed: int = 1
    captures: tuple[Path, ...] = ()
    speed: int | None = 1
    base_port: int = BASE_PORT
    extra_books: bool = False
    dislocations: DislocationSpec | None = None
    market_state: Path | None = None
    faults: Path | None = None


async def run_venues(
    options: VenueOptions, *, clock: Callable[[], int], announce: Callable[[str], None] = lambda _: None
) -> None:
    """Serve the venues until cancelled; ``announce`` is told each address once they listen.

    Raises: ConfigError for a taken port, a broken capture, a broken market state or a broken script of faults.
    """
    script = None if options.faults is None else load_script(options.faults, VENUES)
    market = open_market(options, now_ns=clock())
    sandbox = Sandbox(
        clock=clock,
        market=market,
        captures=load_captures(options.captures),
        speed=options.speed,
        base_port=options.base_port,
        faults=script,
    )
    async with sandbox:
        for name, url in sandbox.urls.items():
            announce(f"{name} {url}")
        await sandbox.wait()


def open_market(options: VenueOptions, *, now_ns: int) -> Market:
    """Return the saved market, moved to now without a price change, or a new one."""
    if options.market_state is None:
        spec = default_market(extra_books=options.extra_books, dislocations=options.dislocations)
        return Market.start(seed=options.seed, start_ns=now_ns, spec=spec)
    try:
        market = Market.load(options.market_state.read_bytes())
    except (OSError, ValueError) as e:
        raise ConfigError(f"expected a saved market at {options.market_state}, received {e}", key="market_state") from e
    market.go_live(now_ns)
    if options.dislocations is not None:
        market.redraw_dislocations(options.dislocations)
    return market
