"""Every figure of a report, read from the published file by the report's queries and by nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import duckdb

from arb_pipeline.report import queries
from arb_pipeline.report.period import Period

Row = dict[str, Any]
# Shown under these names; each is also a sheet of the workbook.
TABLES: Final[Mapping[str, str]] = {
    "days": queries.DAYS,
    "decay": queries.DECAY,
    "slippage": queries.SLIPPAGE,
    "venues": queries.VENUES,
    "routes": queries.ROUTES,
    "episodes": queries.EPISODES,
    "outcomes": queries.OUTCOMES,
    "rejections": queries.REJECTIONS,
    "cycles": queries.CYCLES,
    "inventory": queries.INVENTORY,
    "gaps": queries.GAPS,
}
_E8: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class StackLine:
    """One line of the waterfall, in USD."""

    name: str
    predicted: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The running result after one trade, in USD; the drawdown is zero or negative."""

    at: datetime
    realised: Decimal
    predicted: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """An earlier stretch; ``summary`` is None without data. ``is_mean``: divided by its days with data."""

    name: str
    summary: Row | None
    is_mean: bool

    def value(self, column: str) -> Any:
        """Return a column's value, of a mean its value for one day; None where there is none."""
        if self.summary is None:
            return None
        value = self.summary[column]
        if not self.is_mean or column.endswith("_pct"):
            return value
        return Decimal(value) / self.summary["days_covered"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a limit was used at the worst moment, both in USD."""

    name: str
    used: Decimal
    allowed: Decimal

    @property
    def share(self) -> Decimal:
        """Return the used share, per cent."""
        return self.used / self.allowed * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a report says. ``summary`` is None where the period has not a single closed hour."""

    period: Period
    is_final: bool
    summary: Row | None
    stack: tuple[StackLine, ...]
    curve: tuple[CurvePoint, ...]
    comparisons: tuple[Comparison, ...]
    limits: tuple[Limit, ...]
    tables: Mapping[str, tuple[Row, ...]] = field(repr=False)

    @property
    def has_trades(self) -> bool:
        """Return whether any simulated trade of a route counts for PnL."""
        return self.summary is not None and self.summary["trades"] > 0

    @property
    def has_cycles(self) -> bool:
        """Return whether triangular cycles were looked for and anything was said of them."""
        names = ("cycle_opportunities", "cycle_rejected_evaluations", "cycle_trades")
        return self.summary is not None and any(self.summary[name] for name in names)

    @property
    def planned_net(self) -> Decimal:
        """Return what routes and cycles together had promised, USD."""
        if self.summary is None:
            return Decimal(0)
        return Decimal(self.summary["predicted_net_usd"] + self.summary["cycle_predicted_net_usd"])

    @property
    def has_earlier(self) -> bool:
        """Return whether there is anything to compare with."""
        return any(comparison.summary is not None for comparison in self.comparisons)

    @property
    def drawdown(self) -> CurvePoint | None:
        """Return the deepest point below an earlier high, None where there is none."""
        deepest = min(self.curve, key=lambda point: point.drawdown, default=None)
        return None if deepest is None or deepest.drawdown == 0 else deepest

    @property
    def best(self) -> tuple[Row, ...]:
        """Return the episodes that earned most."""
        gains = [row for row in self.tables["episodes"] if row["realised_net_usd"] > 0]
        return tuple(gains[: queries.SHOWN_EPISODES])

    @property
    def worst(self) -> tuple[Row, ...]:
        """Return the episodes that lost most, the worst first."""
        losses = [row for row in self.tables["episodes"] if row["realised_net_usd"] < 0]
        return tuple(reversed(losses[-queries.SHOWN_EPISODES :]))


def read_figures(connection: duckdb.DuckDBPyConnection, period: Period, *, is_final: bool) -> Figures:
    """Read a period's figures; ``connection`` has the published file open."""
    summary = _summary(connection, period)
    return Figures(
        period=period,
        is_final=is_final,
        summary=summary,
        stack=() if summary is None else _stack(summary),
        curve=tuple(CurvePoint(*row.values()) for row in rows(connection, queries.CURVE, period)),
        comparisons=tuple(
            Comparison(name, _summary(connection, earlier), is_mean) for name, earlier, is_mean in period.comparisons()
        ),
        limits=_limits(connection, period),
        tables={name: rows(connection, query, period) for name, query in TABLES.items()},
    )


def rows(connection: duckdb.DuckDBPyConnection, query: str, period: Period) -> tuple[Row, ...]:
    """Return a query's rows for a period, columns by name."""
    cursor = connection.execute(query, [period.first, period.last])
    names = [column[0] for column in cursor.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def _summary(connection: duckdb.DuckDBPyConnection, period: Period) -> Row | None:
    found = rows(connection, queries.SUMMARY, period)
    return found[0] if found else None


def _stack(summary: Row) -> tuple[StackLine, ...]:
    return tuple(
        StackLine(name, summary[f"predicted_{kind}_usd"], summary[f"realised_{kind}_usd"])
        for kind, name in queries.STACK
    )


def _limits(connection: duckdb.DuckDBPyConnection, period: Period) -> tuple[Limit, ...]:
    """Return what is on record; a limit that no worker wrote down is not shown."""
    (row,) = rows(connection, queries.LIMITS, period)
    pairs = [
        ("Largest order", row["largest_order_usd"], row["max_position_usd_e8"]),
        ("Loss of a UTC day, at its worst moment", row["worst_day_usd"], row["daily_loss_usd_e8"]),
    ]
    return tuple(
        Limit(name, abs(used or Decimal(0)), Decimal(allowed) * _E8) for name, used, allowed in pairs if allowed
    )
