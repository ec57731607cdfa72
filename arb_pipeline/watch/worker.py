"""Is a worker in trouble, is it paused, is its day going badly: alerts out of what it says of itself."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from arb_pipeline.resources import WorkerReading
from streaming_worker.alerts import Alert, Severity

SILENT_AFTER_SECONDS: Final = 30
SOURCE: Final = "dagster"
OK: Final = "ok"
SILENT: Final = "silent"
_ACTIVE: Final = "active"
_KILLED: Final = "killed"
# The warning comes when this share of the daily loss limit is used.
LOSS_SHARE: Final = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and what is wrong with it: None where nothing is."""

    key: str
    state: str
    alert: Alert | None


def state_of(reading: WorkerReading) -> str:
    """Return what a worker is: as it says itself, or silent when it has not said anything for a while."""
    return SILENT if reading.age_seconds > SILENT_AFTER_SECONDS else reading.status


def findings(reading: WorkerReading, *, loss_limit_usd: Decimal, url: str) -> list[Finding]:
    """Judge one worker: its state, and what it said of risk. A silent worker's last words on risk still stand."""
    found = [_worker(reading, url)]
    if reading.risk is not None:
        found += [_risk(reading), _loss(reading, loss_limit_usd)]
    return found


def _worker(reading: WorkerReading, url: str) -> Finding:
    state, name = state_of(reading), reading.worker
    alert = None
    if state != OK:
        why = reading.why or ("It says nothing of what is wrong.",)
        alert = Alert(
            kind="worker_state",
            subject=name,
            title=f"worker {name} is {state}",
            detail="\n".join([_SENTENCES.get(state, f"The worker is {state}."), *(f"- {line}" for line in why)]),
            severity=Severity.WARNING if state == "degraded" else Severity.CRITICAL,
            source=SOURCE,
            context={"Last sign of life": f"{reading.age_seconds:.0f} s ago", "Dagster": url},
        )
    return Finding(f"worker_state:{name}", state, alert)


_SENTENCES: Final = {
    SILENT: "It has not written its health for a while: the process is gone, hangs, or its disk refuses. "
    "Nothing is captured. What it said last:",
    "down": "No feed is fine: nothing is captured.",
    "degraded": "Some feeds or parts are in trouble; the others go on.",
}


def _risk(reading: WorkerReading) -> Finding:
    risk, name = reading.risk, reading.worker
    assert risk is not None
    alert = None
    if risk.state != _ACTIVE:
        cause = (risk.cause or "no cause given").replace("_", " ")
        alert = Alert(
            kind="risk_state",
            subject=name,
            title=f"worker {name} is {risk.state}: {cause}",
            detail="No opportunity is opened while this lasts; capture goes on.",
            severity=_risk_severity(risk.state, risk.cause),
            source=SOURCE,
            context={"Result of the UTC day": f"{risk.daily_net_usd:+.2f} USD, simulated"},
        )
    return Finding(f"risk_state:{name}", f"{risk.state} {risk.cause}", alert)


def _risk_severity(state: str, cause: str | None) -> Severity:
    """Somebody who pauses knows about it; a kill is always worth waking up for."""
    if state == _KILLED:
        return Severity.CRITICAL
    return Severity.INFO if cause == "operator" else Severity.WARNING


def _loss(reading: WorkerReading, limit_usd: Decimal) -> Finding:
    assert reading.risk is not None
    net, name = reading.risk.daily_net_usd, reading.worker
    is_near = net <= -limit_usd * LOSS_SHARE
    alert = None
    if is_near:
        alert = Alert(
            kind="loss_limit_near",
            subject=name,
            title=f"worker {name} has lost {-net:.2f} of {limit_usd:.2f} USD today",
            detail=f"{-net / limit_usd:.0%} of the simulated loss limit of the UTC day is used; at 100 % it is killed.",
            severity=Severity.WARNING,
            source=SOURCE,
            context={"Result of the UTC day": f"{net:+.2f} USD, simulated", "Limit": f"{limit_usd:.2f} USD"},
        )
    return Finding(f"loss_limit_near:{name}", "near" if is_near else OK, alert)
