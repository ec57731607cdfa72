"""Whatever happens on the way from a venue, a book that the worker trusts equals the truth at every quiet point."""

import os
import sys
from pathlib import Path

import pytest

from arb_pipeline_tests.failure.fault_arena import VENUES, arena
from arb_pipeline_tests.failure.fault_ledger import Findings, hold_against, read_ledger
from streaming_worker.sandbox.faults.campaign import QuietPoint, Round, plan, run_campaign

SHORT_FAULTS = 48
SHORT_SEED = int(os.environ.get("FAULTS_SHORT_SEED", "1"))
LONG_FAULTS = int(os.environ.get("FAULTS", "2000"))
LONG_SEED = int(os.environ.get("FAULTS_SEED", "2"))


async def fight(folder: Path, rounds: list[Round], *, rate: int, seed: int) -> Findings:
    """Play a campaign against a worker, and hold its books and its ledger against the truth."""
    findings = Findings()
    points: list[QuietPoint] = []
    async with arena(folder, rate=rate, seed=seed) as field:

        async def compare(point: QuietPoint) -> None:
            points.append(point)
            findings.quiet_points += 1
            done = ", ".join(f"{record.spec.venue} {recipe}" for recipe, record in point.done)
            findings.divergences += [
                f"round {point.round.number}: {d} after {done}" for d in await field.lasting_divergences()
            ]
            if not point.has_recovered:
                findings.untrusted.append(f"round {point.round.number}: {await field.untrusted()} after {done}")

        await field.until_recovered()
        await run_campaign(
            field.sandbox.hub, field.sandbox.layer, rounds, at_quiet=compare, is_recovered=field.is_recovered
        )
        data_dir = field.config.paths.data_dir
    hold_against(points, read_ledger(data_dir), findings)
    return findings


def say(findings: Findings) -> None:
    """Show the recovery times with ``pytest -s``."""
    counts = f"{findings.faults} faults, {findings.quiet_points} quiet points, {findings.unmet} met nothing"
    sys.stdout.write(f"\n{counts}\n{findings.table()}\n")


def check(findings: Findings) -> None:
    assert not findings.divergences, "\n".join(findings.divergences)
    assert not findings.untrusted, "\n".join(findings.untrusted)
    assert not findings.unnoticed, "\n".join(findings.unnoticed)


async def test_a_short_campaign_leaves_no_book_wrong(tmp_path: Path) -> None:
    rounds = plan(seed=SHORT_SEED, faults=SHORT_FAULTS, venues=VENUES, per_venue=4, slow_every=0, pause_ms=1_200)
    findings = await fight(tmp_path, rounds, rate=4, seed=SHORT_SEED)
    say(findings)
    assert findings.faults > SHORT_FAULTS // 2
    check(findings)


@pytest.mark.fault
@pytest.mark.timeout(3_600)
async def test_a_long_campaign_leaves_no_book_wrong(tmp_path: Path) -> None:
    rounds = plan(seed=LONG_SEED, faults=LONG_FAULTS * 6 // 5, venues=VENUES, per_venue=8, slow_every=6)
    findings = await fight(tmp_path, rounds, rate=5, seed=LONG_SEED)
    say(findings)
    assert findings.faults >= LONG_FAULTS
    check(findings)
