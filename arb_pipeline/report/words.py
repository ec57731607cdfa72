"""How figures are written: signs always visible, one place for every unit, sentences for the headline."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from arb_pipeline.report.figures import DayFigures

_CENT = Decimal("0.01")


def money(value: Decimal) -> str:
    """Return dollars with sign and cents: ``-1,234.50``; zero has no sign."""
    cents = Decimal(value).quantize(_CENT, rounding=ROUND_HALF_EVEN)
    return "0.00" if cents == 0 else f"{cents:+,.2f}"


def amount(value: Decimal) -> str:
    """Return dollars that have no direction, as a notional: ``1,234.50``."""
    return f"{Decimal(value).quantize(_CENT, rounding=ROUND_HALF_EVEN):,.2f}"


def count(value: int) -> str:
    """Return a count with thousands separated."""
    return f"{value:,}"


def percent(value: Decimal) -> str:
    """Return a share, cut (never rounded up to 100) to two digits."""
    return f"{int(value * 100) / 100:.2f} %"


def bps(value: Decimal | None) -> str:
    """Return basis points with sign; a dash where there is none."""
    return "-" if value is None else f"{value:+.2f} bps"


def duration(nanos: int | None) -> str:
    """Return a length of time in the unit that fits."""
    if nanos is None:
        return "-"
    for unit, size in (("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000)):
        if nanos >= size:
            return f"{nanos / size:.1f} {unit}"
    return f"{nanos / 1_000_000:.0f} ms"


def clock_time(moment: datetime) -> str:
    """Return the time of day, UTC."""
    return moment.strftime("%H:%M:%S")


def subject(figures: DayFigures) -> str:
    """Return the mail's subject: day, result, and whether the data carries it."""
    so_far = "" if figures.is_final else " so far"
    if figures.summary is None:
        return f"Arbitrage report {figures.day}{so_far}: no data"
    verdict = str(figures.summary["data_verdict"])
    net = money(figures.summary["realised_net_usd"])
    return f"Arbitrage report {figures.day}{so_far}: {net} USD simulated, data {verdict}"


def headline(figures: DayFigures) -> str:
    """Return the result in one sentence."""
    summary = figures.summary
    if summary is None:
        return f"There is no closed and replayed hour on {figures.day}: nothing was captured, or nothing is ready yet."
    latency = duration(summary["primary_latency_ns"])
    if not figures.has_trades:
        return (
            f"No opportunity was accepted: nothing simulated at {latency} latency, result 0.00 USD. "
            f"{count(summary['rejected_evaluations'])} evaluations were refused."
        )
    return (
        f"{money(summary['realised_net_usd'])} USD simulated over {count(summary['trades'])} trades at {latency} "
        f"latency; they had promised {money(summary['predicted_net_usd'])} USD. "
        f"Won: {count(summary['winning_trades'])}. Unwound at market: {count(summary['unwound_trades'])}."
    )


def data_sentence(figures: DayFigures) -> str:
    """Return how far the figures can be trusted, in one sentence."""
    summary = figures.summary
    if summary is None:
        return "No statement about data quality is possible."
    match = (
        f"live and replay agree on all {count(summary['rows_matched'])} rows"
        if summary["is_reconciled"]
        else f"live and replay DIFFER in {count(summary['rows_not_matched'])} rows or in a digest"
    )
    return (
        f"Data {summary['data_verdict']}: {summary['hours_covered']} of 24 hours covered, "
        f"{summary['hours_complete']} of them complete; {percent(summary['completeness_pct'])} of the day can be "
        f"trusted ({percent(summary['covered_completeness_pct'])} of the covered hours); {match}."
    )
