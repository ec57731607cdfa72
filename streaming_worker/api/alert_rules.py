"""Rules by which people are told of an edge: kept in the database, each change with its line in the audit log."""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, or_, select, update

from streaming_worker.alerts import Severity
from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import ALERT_RULES, Database
from streaming_worker.api.schemas.alert_rules import AlertRule, NewAlertRule
from streaming_worker.api.schemas.base import bps, maybe_moment, moment
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import RequestRefused
from streaming_worker.service.live import LiveEpisode

MOST_RULES: Final = 50
_CENTI: Final = 100
_TABLE: Final = ALERT_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Units: hundredths of a basis point, ns. None matches everything."""

    rule_id: str
    instrument: str | None
    pool: str | None
    direction: str | None
    least_edge_centibps: int
    open_ns: Nanos
    severity: Severity
    cooldown_ns: Nanos
    expires_ns: Nanos | None

    def is_met(self, episode: LiveEpisode, now_ns: Nanos) -> bool:
        """Return whether an open opportunity is one to tell of. A rule that is over is met by none."""
        if self.expires_ns is not None and now_ns >= self.expires_ns:
            return False
        wanted = (
            (self.instrument, episode.instrument), (self.pool, episode.pool), (self.direction, episode.direction),
        )  # fmt: skip
        return (
            all(own is None or own == other for own, other in wanted)
            and episode.peak_edge_centibps >= self.least_edge_centibps
            and now_ns - episode.opened_ns >= self.open_ns
        )


class RuleDesk:
    """Keeps the rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def every(self) -> list[AlertRule]:
        """Return every rule as people see it, the newest first."""
        with self._database.reading() as connection:
            return [_shown(row) for row in connection.execute(select(_TABLE).order_by(_TABLE.c.made_ns.desc()))]

    def in_force(self) -> list[Rule]:
        """Return the rules that are on."""
        with self._database.reading() as connection:
            return [_rule(row) for row in connection.execute(select(_TABLE).where(_TABLE.c.is_on))]

    def add(self, new: NewAlertRule, actor: str, entry: Action, now_ns: Nanos) -> AlertRule:
        """Keep a rule. Raises RequestRefused where there are too many."""
        rule_id = secrets.token_hex(6)
        values = {
            "rule_id": rule_id,
            **new.model_dump(exclude={"least_edge_bps", "hours"}),
            "least_edge_centibps": int(Decimal(new.least_edge_bps) * _CENTI),
            "is_on": True,
            "actor": actor[:64],
            "made_ns": now_ns,
            "expires_ns": None if new.hours is None else now_ns + new.hours * NANOS_PER_HOUR,
            "fired_ns": None,
        }
        with self._database.writing() as connection:
            if connection.execute(select(func.count()).select_from(_TABLE)).scalar_one() >= MOST_RULES:
                raise RequestRefused(409, "too_many", f"there are at most {MOST_RULES} rules")
            connection.execute(insert(_TABLE).values(**values))
            append_in(connection, entry, now_ns)
            return _shown(connection.execute(select(_TABLE).where(_TABLE.c.rule_id == rule_id)).one())

    def switch(self, rule_id: str, *, is_on: bool, entry: Action, now_ns: Nanos) -> AlertRule:
        """Turn a rule on or off. Raises RequestRefused where there is none."""
        this = _TABLE.c.rule_id == rule_id
        with self._database.writing() as connection:
            if connection.execute(update(_TABLE).where(this).values(is_on=is_on)).rowcount == 0:
                raise _unknown()
            append_in(connection, entry, now_ns)
            return _shown(connection.execute(select(_TABLE).where(this)).one())

    def remove(self, rule_id: str, entry: Action, now_ns: Nanos) -> None:
        """Forget a rule. Raises RequestRefused where there is none."""
        with self._database.writing() as connection:
            if connection.execute(delete(_TABLE).where(_TABLE.c.rule_id == rule_id)).rowcount == 0:
                raise _unknown()
            append_in(connection, entry, now_ns)

    def claim(self, rule: Rule, now_ns: Nanos) -> bool:
        """Note that a rule tells now; False where it did so within its cool-down, here or in another process."""
        ready = or_(_TABLE.c.fired_ns.is_(None), _TABLE.c.fired_ns <= now_ns - rule.cooldown_ns)
        with self._database.writing() as connection:
            told = update(_TABLE).where(_TABLE.c.rule_id == rule.rule_id, ready).values(fired_ns=now_ns)
            return bool(connection.execute(told).rowcount)


def _unknown() -> RequestRefused:
    return RequestRefused(404, "not_found", "there is no such rule")


def _rule(row: Row[Any]) -> Rule:
    return Rule(
        rule_id=row.rule_id,
        instrument=row.instrument,
        pool=row.pool,
        direction=row.direction,
        least_edge_centibps=row.least_edge_centibps,
        open_ns=row.open_ms * NANOS_PER_MILLISECOND,
        severity=Severity(row.severity),
        cooldown_ns=row.cooldown_s * NANOS_PER_SECOND,
        expires_ns=row.expires_ns,
    )


def _shown(row: Row[Any]) -> AlertRule:
    return AlertRule(
        rule_id=row.rule_id,
        instrument=row.instrument,
        pool=row.pool,
        direction=row.direction,
        least_edge_bps=bps(row.least_edge_centibps),
        open_ms=row.open_ms,
        severity=row.severity,
        cooldown_s=row.cooldown_s,
        is_on=row.is_on,
        actor=row.actor,
        made_at=moment(row.made_ns),
        expires_at=maybe_moment(row.expires_ns),
        fired_at=maybe_moment(row.fired_ns),
    )
