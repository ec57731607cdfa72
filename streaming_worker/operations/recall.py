"""``arb recall``: injected episodes of known kind through the production protocol and engine, and what came of each.

The truth is the generator's, written down before the run; the verdict is read from the engine's outputs alone.
"""

from collections.abc import Iterator
from typing import Any, Final

from streaming_worker.core.events import Event
from streaming_worker.core.fees import NetworkCost, StableBasis, TakerFee
from streaming_worker.core.instrument import Instrument, Pool, Venue
from streaming_worker.core.outputs import Keyframe, Output
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import EngineSettings, FeedScope
from streaming_worker.operations.verdicts import Judged, judge
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import build_protocol
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.truth.coinbase_frames import Frame
from streaming_worker.sandbox.truth.injections import Injection, Kind, injections
from streaming_worker.sandbox.truth.stage import BOOKS, COIN, POOL, Stage

# any full hour; the generated market depends on the seed alone
_START_NS: Final = 500_000 * NANOS_PER_HOUR
_MINUTE_NS: Final = 60 * NANOS_PER_SECOND


def run_recall(*, seed: int, minutes: int, settings: EngineSettings | None = None) -> dict[str, Any]:
    """Play a market of so many minutes, judge every injection, and return the tables.

    ``settings`` are those of the engine under judgement, for who wants to see what a blinder one makes of it.
    """
    settings = recall_settings() if settings is None else settings
    ladder, primary = settings.simulation.ladder_ns, settings.simulation.primary_ns
    plan = list(injections(seed=seed, start_ns=_START_NS, minutes=minutes, ladder_ns=ladder))
    stage = Stage(seed=seed, start_ns=_START_NS, end_ns=_START_NS + minutes * _MINUTE_NS, plan=plan)
    engine = Engine(settings)
    protocol = build_protocol("coinbase_advanced", feed="coinbase", instruments=settings.instruments[:1])
    outputs: list[Output] = []
    for event in _events(stage, protocol):
        outputs += [output for output in engine.process(event) if not isinstance(output, Keyframe)]
    judged = judge(plan, outputs, primary_ns=primary)
    return report(judged, seed=seed, minutes=minutes, primary_ns=primary) | {
        "events": engine.event_count,
        "digest": engine.digest(),
    }


def report(judged: Judged, *, seed: int, minutes: int, primary_ns: int) -> dict[str, Any]:
    """Return recall and precision overall and by kind; a share without a case is None."""
    real = [case for case in judged.cases if case.injection.is_real(primary_ns)]
    found = sum(case.is_called_real for case in real)
    called = sum(case.is_called_real for case in judged.cases) + judged.others_called_real
    return {
        "seed": seed,
        "minutes": minutes,
        "injected": len(judged.cases),
        "real": len(real),
        "overall": {
            "recall": _share(found, len(real)),
            "precision": _share(found, called),
            "called_real": called,
            "right_kind": _share(sum(case.is_right for case in judged.cases), len(judged.cases)),
        },
        "kinds": {kind.value: _kind(judged, kind) for kind in Kind},
        "wrong": [_wrong(case.injection, case.verdict, case.seen) for case in judged.cases if not case.is_right],
    }


def is_good(found: dict[str, Any], *, least: float = 0.99) -> bool:
    """Return whether every share that there is reaches the bar."""
    shares = [found["overall"]["recall"], found["overall"]["precision"]]
    shares += [row[name] for row in found["kinds"].values() for name in ("recall", "precision")]
    return all(share is None or share >= least for share in shares)


def recall_settings() -> EngineSettings:
    """Return the engine of the run: production limits, a priced peg, measured priority fees, one venue without fees."""
    return EngineSettings(
        instruments=(
            _instrument(Venue.COINBASE, "SOL-USD", tick=E8 // 100, least=1, notional=E8, aliases=("SOL-USDC",)),
            _instrument(Venue.GEMINI, "SOLUSD", tick=E8 // 1_000, least=100_000),
            _instrument(Venue.BITSTAMP, "solusd", tick=E8 // 1_000, least=100_000),
            _instrument(Venue.GEMINI, "USDCUSD", tick=1_000, least=100_000, base="USDC"),
        ),
        pools=(Pool(venue=Venue.ORCA, address=POOL_ADDRESS, base="SOL", quote="USDC", base_decimals=9,
                    quote_decimals=6),),
        feeds=(
            FeedScope("coinbase", instruments=(BOOKS["coinbase"],)),
            FeedScope("gemini", instruments=(BOOKS["gemini"], COIN)),
            FeedScope("bitstamp", instruments=(BOOKS["bitstamp"],)),
            FeedScope("solana", pools=(POOL,)),
        ),
        taker_fees=(
            TakerFee(Venue.COINBASE, 8_000, "recall"),
            TakerFee(Venue.GEMINI, 2_500, "recall"),
        ),
        network_cost=NetworkCost(5_000, 1, 20_000, "recall", priority_percentile=75, max_age_ns=15 * NANOS_PER_SECOND),
        stable_bases=(StableBasis("USDC", "USD", 0, 0, "recall", instrument=COIN),),
        sol_price_instruments=(BOOKS["gemini"], BOOKS["coinbase"]),
        rejection_interval_ns=NANOS_PER_SECOND,  # so that the reasons of two injections never stand in one row
    )  # fmt: skip


def _instrument(
    venue: Venue,
    symbol: str,
    *,
    tick: int,
    least: int,
    base: str = "SOL",
    notional: int = 0,
    aliases: tuple[str, ...] = (),
) -> Instrument:
    return Instrument(venue=venue, symbol=symbol, base=base, quote="USD", price_tick_e8=tick, lot_e8=least,
                      min_size_e8=least, min_notional_e8=notional, aliases=aliases)  # fmt: skip


def _events(stage: Stage, protocol: FeedProtocol) -> Iterator[Event]:
    """Turn Coinbase's frames into events as the worker does; everything else is an event already."""
    yield from protocol.opened(1, _START_NS)
    for arrival in stage:
        if isinstance(arrival, Frame):
            yield from protocol.receive(arrival.data, arrival.received_ns)
        else:
            yield arrival


def _kind(judged: Judged, kind: Kind) -> dict[str, Any]:
    own = [case for case in judged.cases if case.injection.kind is kind]
    right = sum(case.is_right for case in own)
    taken = sum(case.verdict is kind for case in judged.cases)
    return {
        "injected": len(own),
        "right": right,
        "recall": _share(right, len(own)),
        "precision": _share(sum(case.verdict is kind for case in own), taken),
        "called_real": sum(case.is_called_real for case in own),
    }


def _wrong(injection: Injection, verdict: Kind | None, seen: str) -> dict[str, Any]:
    return {
        "number": injection.number,
        "kind": injection.kind.value,
        "variant": injection.variant,
        "venue": injection.venue,
        "from_ns": injection.from_ns,
        "reach_ns": injection.reach_ns,
        "verdict": None if verdict is None else verdict.value,
        "seen": seen,
    }


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else round(part / whole, 4)
