"""The fee schedule as people keep it: lines added and taken away by administrators, each with its audit line.

What is configured is never touched. The engine takes the lines over when its worker starts; that it has not yet is
said beside them.
"""

from datetime import UTC, date, datetime

from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.schemas.base import maybe_moment, moment, percent
from streaming_worker.api.schemas.fees import FeeLine, FeeSchedule, NewFee, WhichFee
from streaming_worker.api.services import Services
from streaming_worker.config.added_fees import AddedFee, added_fees, added_taker_fees, changed_ns, write_fees
from streaming_worker.core.fees import TakerFee
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import RequestRefused

MOST = 200
_BY_CONSOLE = "console, "


def schedule(parts: Services) -> FeeSchedule:
    """Return every line with when it holds: what the programs started with, and what was added since."""
    settings, state = parts.markets.settings, parts.config.paths.state
    now_ns = parts.clock.now_ns()
    added = {line.key: line for line in added_taker_fees(state)}
    # What this process started with may hold lines that were taken away since.
    known = [one for one in settings.taker_fees if one.key not in added and not _was_added(one)]
    lines = sorted([*known, *added.values()], key=lambda one: (one.venue.value, one.symbol or "", one.valid_from_ns))
    written_ns = changed_ns(state)
    health = parts.view.health
    return FeeSchedule(
        taker_fees=[_shown(one, lines, now_ns, is_added=one.key in added) for one in lines],
        network_lamports=settings.network_cost.lamports,
        network_source=settings.network_cost.source,
        changed_at=maybe_moment(written_ns),
        is_waiting=written_ns is not None and (health is None or health.started_ns < written_ns),
    )


def add(parts: Services, wanted: NewFee, who: str, entry: Action) -> None:
    """Add a line that holds from today or later. Raises RequestRefused."""
    state, today = parts.config.paths.state, _day(parts.clock.now_ns())
    _require_market(parts.markets, wanted.venue, wanted.symbol)
    if _parsed(wanted.valid_from) < today:
        raise RequestRefused(
            422, "in_the_past", f"expected {today.isoformat()} (UTC) or later: the past stays as it was"
        )
    line = AddedFee(
        venue=wanted.venue,
        symbol=wanted.symbol,
        taker_percent=wanted.taker_percent,
        valid_from=wanted.valid_from,
        source=f"{_BY_CONSOLE}{who}: {_plain(wanted.reason)}",
    )
    with parts.database.writing() as connection:
        lines = [one for one in added_fees(state) if one.key != line.key]
        if len(lines) >= MOST:
            raise RequestRefused(409, "too_many", f"there are at most {MOST} added lines")
        append_in(connection, entry, parts.clock.now_ns())
        write_fees(state, [*lines, line])


def remove(parts: Services, which: WhichFee, entry: Action) -> None:
    """Take an added line away. Raises RequestRefused where it is not one of the added ones."""
    state = parts.config.paths.state
    with parts.database.writing() as connection:
        lines = added_fees(state)
        left = [one for one in lines if one.key != (which.venue, which.symbol, which.valid_from)]
        if len(left) == len(lines):
            raise RequestRefused(404, "not_found", "no such line was added; what is configured stands in its file")
        append_in(connection, entry, parts.clock.now_ns())
        write_fees(state, left)


def _plain(text: str) -> str:
    """One line of what can be seen."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _require_market(markets: Markets, venue: str, symbol: str | None) -> None:
    known = [one.symbol for one in markets.books.values() if one.venue == venue]
    if not known:
        raise RequestRefused(422, "bad_market", f"no book of {venue} is configured")
    if symbol is not None and symbol not in known:
        raise RequestRefused(422, "bad_market", f"expected one of {', '.join(known)}, as {venue} writes them")


def _was_added(one: TakerFee) -> bool:
    return one.source.startswith(_BY_CONSOLE)


def _parsed(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise RequestRefused(422, "bad_day", "expected a day as in 2026-01-31") from e


def _day(at_ns: Nanos) -> date:
    return datetime.fromtimestamp(at_ns // NANOS_PER_SECOND, UTC).date()


def _shown(one: TakerFee, lines: list[TakerFee], now_ns: Nanos, *, is_added: bool) -> FeeLine:
    later = [
        line.valid_from_ns
        for line in lines
        if (line.venue, line.symbol) == (one.venue, one.symbol) and line.valid_from_ns > one.valid_from_ns
    ]
    until_ns = min(later, default=None)
    return FeeLine(
        venue=one.venue.value,
        symbol=one.symbol,
        taker_percent=percent(one.millionths),
        valid_from_at=moment(one.valid_from_ns),
        valid_to_at=maybe_moment(until_ns),
        is_in_force=one.valid_from_ns <= now_ns and (until_ns is None or now_ns < until_ns),
        source=one.source,
        is_added=is_added,
    )
