"""How figures are written: signs always visible, one place for every unit, sentences for the headline."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from arb_pipeline.report.figures import Figures

_CENT: Final = Decimal("0.01")
_NONE: Final = "-"
_LONGEST_ADDRESS: Final = 14


def money(value: Decimal | None) -> str:
    """Return dollars with sign and cents: ``-1,234.50``; zero has no sign; a dash where there is none."""
    if value is None:
        return _NONE
    cents = Decimal(value).quantize(_CENT, rounding=ROUND_HALF_EVEN)
    return "0.00" if cents == 0 else f"{cents:+,.2f}"


def amount(value: Decimal | None) -> str:
    """Return dollars that have no direction, as a notional: ``1,234.50``."""
    return _NONE if value is None else f"{Decimal(value).quantize(_CENT, rounding=ROUND_HALF_EVEN):,.2f}"


def size(value: Decimal | None) -> str:
    """Return an amount of an asset: at most four digits after the point, no trailing zeros."""
    if value is None:
        return _NONE
    text = f"{Decimal(value).quantize(Decimal('0.0001'), rounding=ROUND_HALF_EVEN):,f}"
    return text.rstrip("0").rstrip(".")


def count(value: int | Decimal | None) -> str:
    """Return a count with thousands separated; of a mean one digit after the point."""
    if value is None:
        return _NONE
    return f"{value:,.1f}" if isinstance(value, Decimal) else f"{value:,}"


def percent(value: Decimal | None) -> str:
    """Return a share, cut (never rounded up to 100) to two digits."""
    return _NONE if value is None else f"{int(value * 100) / 100:.2f} %"


def bps(value: Decimal | None) -> str:
    """Return basis points with sign; a dash where there is none."""
    return _NONE if value is None else f"{value:+.2f} bps"


def duration(nanos: int | None) -> str:
    """Return a length of time in the unit that fits."""
    if nanos is None:
        return _NONE
    for unit, length in (("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000)):
        if nanos >= length:
            return f"{nanos / length:.1f} {unit}"
    return f"{nanos / 1_000_000:.0f} ms"


def clock_time(moment: datetime) -> str:
    """Return the time of day, UTC."""
    return moment.strftime("%H:%M:%S")


def moment(value: datetime) -> str:
    """Return day and time of day, UTC."""
    return value.strftime("%m-%d %H:%M:%S")


def plain(code: str) -> str:
    """Return a code of the record as words."""
    return code.replace("_", " ")


def market(name: str | None) -> str:
    """Return a market by venue and symbol; of a pool's address its ends."""
    venue, _, symbol = (name or "all").partition(":")
    if len(symbol) > _LONGEST_ADDRESS:
        symbol = f"{symbol[:5]}…{symbol[-4:]}"
    return f"{venue} {symbol}".strip()


def cycle(name: str) -> str:
    """Return a cycle as its venue and the assets in turn."""
    venue, _, turn = name.partition("|")
    return f"{venue} {' > '.join(turn.split('>'))}"


def bucket(name: str) -> str:
    """Return a class of notionals in words."""
    known = {
        "below_100": "under $100",
        "100_to_300": "$100-300",
        "300_to_1000": "$300-1,000",
        "1000_and_more": "$1,000+",
    }
    return known.get(name, plain(name))


def kept(figures: Figures) -> str:
    """Return the share of the planned net that was realised; a dash where nothing was planned or nothing is left."""
    summary = figures.summary
    if summary is None or figures.planned_net <= 0 or summary["total_realised_net_usd"] <= 0:
        return _NONE
    return f"{summary['total_realised_net_usd'] / figures.planned_net * 100:.0f} %"


def title(figures: Figures) -> str:
    """Return the report's name."""
    return f"Arbitrage report {figures.period.title}{'' if figures.is_final else ' so far'}"


def subject(figures: Figures) -> str:
    """Return the mail's subject: period, result, and whether the data carries it."""
    if figures.summary is None:
        return f"{title(figures)}: no data"
    verdict = str(figures.summary["data_verdict"])
    return f"{title(figures)}: {money(figures.summary['total_realised_net_usd'])} USD simulated, data {verdict}"


def headline(figures: Figures) -> str:
    """Return the result in one sentence."""
    summary = figures.summary
    if summary is None:
        return (
            f"There is no closed and replayed hour on {figures.period.title}: nothing was captured, or nothing is "
            "ready yet."
        )
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


def cycles_sentence(figures: Figures) -> str:
    """Return what the triangular cycles added, empty where none was looked for."""
    summary = figures.summary
    if summary is None or not figures.has_cycles:
        return ""
    if not summary["cycle_trades"]:
        return f"Triangular cycles: no turn; {count(summary['cycle_rejected_evaluations'])} evaluations were refused."
    return (
        f"Triangular cycles: {money(summary['cycle_realised_net_usd'])} USD over {count(summary['cycle_trades'])} turns"
        f", planned {money(summary['cycle_predicted_net_usd'])} USD, won: {count(summary['cycle_winning_trades'])}. "
        f"Together: {money(summary['total_realised_net_usd'])} USD."
    )


def data_sentence(figures: Figures) -> str:
    """Return how far the figures can be trusted, in one sentence."""
    summary = figures.summary
    if summary is None:
        return "No statement about data quality is possible."
    match = (
        f"live and replay agree on all {count(summary['rows_matched'])} rows"
        if summary["is_reconciled"]
        else f"live and replay DIFFER in {count(summary['rows_not_matched'])} rows or in a digest"
    )
    whole = "of the day" if figures.period.is_day else f"of the {figures.period.days} days"
    return (
        f"Data {summary['data_verdict']}: {summary['hours_covered']} of {24 * figures.period.days} hours covered, "
        f"{summary['hours_complete']} of them complete; {percent(summary['completeness_pct'])} {whole} can be "
        f"trusted ({percent(summary['covered_completeness_pct'])} of the covered hours); {match}."
    )
