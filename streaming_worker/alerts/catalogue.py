"""Every kind of alert, named once. RUNBOOK.md has an entry under the same name for each; a test holds them together."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alert; ``name`` is also the heading, and so the anchor, of its entry in the runbook."""

    name: str
    meaning: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("worker_state", "a worker is degraded, down or silent"),
        Kind("risk_state", "trading is paused or killed by a risk rule or by an operator"),
        Kind("loss_limit_near", "the simulated loss of the UTC day is near its limit"),
        Kind("check_failed", "an asset's latest check failed"),
        Kind("run_failed", "a Dagster run failed"),
        Kind("partition_late", "a closed hour was not worked on in time"),
        Kind("report_not_sent", "the report of a day did not reach everybody"),
        Kind("asset_not_fresh", "an asset is older than its freshness policy allows"),
        Kind("disk_low", "the data folder's disk runs out of room"),
        Kind("dagster_silent", "Dagster's daemon or code location does nothing any more"),
        Kind("channel_failing", "an alert channel does not take messages"),
        Kind("rule_met", "an open opportunity meets a rule that somebody made"),
        Kind("test", "somebody tried a channel out"),
    )
}


def runbook_link(kind: str, base: str) -> str:
    """Return where the runbook tells about a kind."""
    return f"{base}#{kind}"
