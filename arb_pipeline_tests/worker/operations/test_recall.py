"""Injected episodes of known kind: the engine tells them; one that lacks a guard does not, and the figures say so."""

import json
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from click.testing import CliRunner

from streaming_worker.cli import arb
from streaming_worker.core.fees import StableBasis, TakerFee
from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.settings import EngineSettings
from streaming_worker.operations.recall import is_good, recall_settings, run_recall
from streaming_worker.sandbox.truth.injections import Kind, injections
from streaming_worker.sandbox.truth.stage import BOOKS, Stage

MINUTES = 10


@pytest.fixture(scope="module")
def found() -> dict:
    """Return a short run of the production engine."""
    return run_recall(seed=5, minutes=MINUTES)


def blinder(**changes: object) -> EngineSettings:
    """Return settings that lack something."""
    return msgspec.structs.replace(recall_settings(), **changes)


def test_every_kind_is_injected_and_told(found: dict) -> None:
    assert found["injected"] == 2 * MINUTES - 2
    assert all(row["injected"] for row in found["kinds"].values())
    assert found["wrong"] == []
    assert is_good(found)
    assert found["overall"]["recall"] == found["overall"]["precision"] == 1.0
    assert 0 < found["real"] < found["injected"] / 2


def test_a_run_is_a_function_of_its_seed(found: dict) -> None:
    assert run_recall(seed=5, minutes=MINUTES)["digest"] == found["digest"]
    other = run_recall(seed=6, minutes=MINUTES)
    assert other["digest"] != found["digest"]
    assert is_good(other)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Kind.LATE_BOOK, blinder(limits=msgspec.structs.replace(recall_settings().limits, max_lag_ns=9 * 10**9))),
        (
            Kind.MISSING_COST,
            blinder(taker_fees=(*recall_settings().taker_fees, TakerFee(Venue.BITSTAMP, 0, "forgotten"))),
        ),
        (Kind.ALIAS, blinder(stable_bases=(StableBasis("USDC", "USD", 0, 0, "forgotten"),))),
        (Kind.STALE_VIEW, blinder(limits=msgspec.structs.replace(recall_settings().limits, max_late_ns=10**10))),
    ],
)
def test_an_engine_without_a_guard_is_found_out(kind: Kind, settings: EngineSettings) -> None:
    blind = run_recall(seed=5, minutes=MINUTES, settings=settings)
    assert blind["kinds"][kind.value]["recall"] < 1.0
    assert kind.value in {case["kind"] for case in blind["wrong"]}
    assert not is_good(blind)


def test_an_engine_that_opens_too_little_loses_recall() -> None:
    limits = msgspec.structs.replace(recall_settings().limits, threshold_millionths=50_000)
    deaf = run_recall(seed=5, minutes=MINUTES, settings=blinder(limits=limits))
    assert deaf["overall"]["recall"] == 0.0
    assert deaf["overall"]["precision"] is None
    assert not is_good(deaf)


def test_the_truth_is_drawn_before_the_run_and_each_injection_has_its_half_minute() -> None:
    ladder = recall_settings().simulation.ladder_ns
    plan = list(injections(seed=9, start_ns=0, minutes=60, ladder_ns=ladder))
    assert plan == list(injections(seed=9, start_ns=0, minutes=60, ladder_ns=ladder))
    for one in plan:
        assert one.number * 30 * NANOS_PER_SECOND <= one.cause_ns <= one.from_ns < one.to_ns
        assert one.to_ns < (one.number + 1) * 30 * NANOS_PER_SECOND - 3 * NANOS_PER_SECOND
        assert (one.reach_ns is not None) == (one.kind is Kind.CAPTURABLE)
    reaches = Counter(one.reach_ns for one in plan if one.kind is Kind.CAPTURABLE)
    assert set(reaches) <= set(ladder)
    assert len(reaches) >= 5
    assert all(one.to_ns - one.from_ns > one.reach_ns for one in plan if one.reach_ns is not None)


def test_arrivals_come_in_order_and_end_with_the_run() -> None:
    ladder = recall_settings().simulation.ladder_ns
    plan = list(injections(seed=9, start_ns=10**18, minutes=3, ladder_ns=ladder))
    times = [one.received_ns for one in Stage(seed=9, start_ns=10**18, end_ns=10**18 + 180 * 10**9, plan=plan)]
    assert times == sorted(times)
    assert times[-1] < 10**18 + 180 * 10**9
    assert max(after - before for before, after in pairwise(times)) <= 100 * NANOS_PER_MILLISECOND
    assert set(BOOKS) == {"coinbase", "gemini", "bitstamp"}


def test_the_command_prints_a_table_and_fails_below_the_bar() -> None:
    shown = CliRunner().invoke(arb, ["recall", "--seed", "3", "--minutes", "4"], standalone_mode=False)
    assert shown.return_value == 0
    lines = shown.output.splitlines()
    assert lines[0].split() == ["kind", "injected", "right", "recall", "precision", "called", "real"]
    assert [line.split()[0] for line in lines[1:9]] == [kind.value for kind in Kind]
    assert "recall 100.0%" in shown.output
    printed = CliRunner().invoke(arb, ["recall", "--minutes", "2", "--json"], standalone_mode=False)
    assert json.loads(printed.output)["minutes"] == 2
    assert printed.return_value == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_an_hour_of_any_seed_reaches_the_bar_in_every_kind(seed: int) -> None:
    hour = run_recall(seed=seed, minutes=60)
    assert hour["wrong"] == []
    assert is_good(hour)
