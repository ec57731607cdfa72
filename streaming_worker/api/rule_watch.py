"""Looks at the open opportunities by the rules that people made, and raises an alert where one is met."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.alerts import Alert, AlertDesk
from streaming_worker.api.alert_rules import Rule, RuleDesk
from streaming_worker.api.schemas.base import bps, moment, usd
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import WorkerError
from streaming_worker.service.live import LiveEpisode

_KEY: Final = "rule_met:"
_LOOK_S: Final = 0.1
_READ_NS: Final = 5 * NANOS_PER_SECOND
_LOG: Final = structlog.get_logger("rule_watch")


class RuleWatch:
    """One alert for each rule while an opportunity meets it. What is shorter than a look, a tenth of a second, may
    be missed; while the worker does not answer nothing is judged."""

    def __init__(self, rules: RuleDesk, view: WorkerView, clock: Clock, alerts: Callable[[], AlertDesk]) -> None:
        self._rules = rules
        self._view = view
        self._clock = clock
        self._make_alerts = alerts
        self._alerts: AlertDesk | None = None
        self._known: list[Rule] = []
        self._read_ns: Nanos | None = None
        self._told: set[str] = set()
        self._later: dict[str, Nanos] = {}

    def forget(self) -> None:
        """The rules were changed: read them anew at the next look."""
        self._read_ns = None

    async def run(self) -> None:
        """Look until cancelled; what fails is logged and tried again."""
        while True:
            try:
                await self.look()
            except WorkerError as e:
                _LOG.error("rules_not_judged", error=str(e))
                await self._clock.sleep(_READ_NS / NANOS_PER_SECOND)
            await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Judge every rule once. Raises StorageError, ConfigError."""
        now_ns = self._clock.now_ns()
        if self._read_ns is None or now_ns - self._read_ns >= _READ_NS:
            self._known = await asyncio.to_thread(self._read)
            known = {rule.rule_id for rule in self._known}
            self._later = {rule_id: at_ns for rule_id, at_ns in self._later.items() if rule_id in known}
            self._read_ns = now_ns
        if not self._view.is_up or not (self._known or self._told):
            return
        found = {rule.rule_id: (rule, one) for rule in self._known if (one := self._best(rule, now_ns)) is not None}
        for rule_id, (rule, episode) in found.items():
            if rule_id in self._told or now_ns < self._later.get(rule_id, 0):
                continue
            if await asyncio.to_thread(self._raise, rule, episode, now_ns):
                self._told.add(rule_id)
            else:
                # in its cool-down: no need to ask the database at each look
                self._later[rule_id] = now_ns + _READ_NS
        for rule_id in sorted(self._told - set(found)):
            await asyncio.to_thread(self._desk().resolve, f"{_KEY}{rule_id}", "no open opportunity meets it now")
            self._told.discard(rule_id)

    def _read(self) -> list[Rule]:
        """Return the rules that hold, and take over what an earlier process left open."""
        known = self._rules.in_force()
        if self._alerts is None and (known or self._rules.every()):
            open_keys = self._desk().history.open_keys()
            self._told |= {key.removeprefix(_KEY) for key in open_keys if key.startswith(_KEY)}
        return known

    def _best(self, rule: Rule, now_ns: Nanos) -> LiveEpisode | None:
        met = [episode for episode in self._view.episodes if rule.is_met(episode, now_ns)]
        return max(met, key=lambda episode: (episode.peak_edge_centibps, episode.opportunity_id), default=None)

    def _raise(self, rule: Rule, episode: LiveEpisode, now_ns: Nanos) -> bool:
        if not self._rules.claim(rule, now_ns):
            return False
        edge = bps(episode.peak_edge_centibps)
        alert = Alert(
            kind="rule_met",
            subject=rule.rule_id,
            title=f"{episode.instrument} against {episode.pool}: net edge of {edge} bps",
            detail=(
                f"An opportunity is open since {moment(episode.opened_ns)}; its net edge has reached {edge} bps, its "
                f"net {usd(episode.peak_net_usd_e8)} USD. The rule asks for {bps(rule.least_edge_centibps)} bps and "
                f"{rule.open_ns // NANOS_PER_SECOND} s. Simulated: nothing was or will be traded."
            ),
            severity=rule.severity,
            source="api",
            context={
                "opportunity": episode.opportunity_id,
                "direction": episode.direction,
                "console": f"/opportunities?view=live&id={episode.opportunity_id}",
            },
        )
        self._desk().raise_alert(alert)
        return True

    def _desk(self) -> AlertDesk:
        if self._alerts is None:
            self._alerts = self._make_alerts()
        return self._alerts
