"""What the venues say of the configured instruments: asked for, kept on disk, and held against the configuration.

A venue's word wins over the configuration, its last known word over none: the worker starts without any answer, and
says what it goes by. Two symbols stay two instruments, and an alias is never one of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos, format_e8
from streaming_worker.protocols.listings import Listed
from streaming_worker.service.metrics import Reading

_HOUR_S: Final = 3_600
_OLD_NS: Final = 24 * _HOUR_S * NANOS_PER_SECOND
_STEPS: Final = ("price_tick", "lot", "min_size", "min_notional")


class Source(StrEnum):
    """Where an instrument's terms come from."""

    VENUE = "venue"
    CACHE = "cache"
    CONFIGURATION = "configuration"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue said of one instrument, and when."""

    read_ns: Nanos
    listed: Listed


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument as it is used in this run. ``status`` is empty unless the venue says that it does not trade."""

    instrument: Instrument
    source: Source
    age_ns: Nanos | None = None
    status: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known after asking. ``problems`` make the worker degraded, ``warnings`` are only said.

    ``is_unanswered``: a venue did not answer for an instrument, so that asking again may help.
    """

    terms: tuple[Terms, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kept: Mapping[str, Kept] = {}
    is_unanswered: bool = False

    def reading(self) -> Reading:
        """Return for each instrument whose word it goes by, how old that was at start, and what stops its trading."""
        reading: dict[str, int | str | None] = {}
        for terms in self.terms:
            key = terms.instrument.key
            reading[f"source.{key}"] = terms.source.value
            reading[f"age_ns.{key}"] = terms.age_ns
            reading[f"status.{key}"] = terms.status or None
        return reading


def load_kept(path: Path) -> dict[str, Kept]:
    """Return what was kept, by instrument key; a file that is missing or damaged holds nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Kept])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def settle(
    instruments: Iterable[Instrument],
    listed: Mapping[str, Sequence[Listed]],
    failures: Mapping[str, str],
    kept: Mapping[str, Kept],
    now_ns: Nanos,
) -> Outcome:
    """Return the terms to go by. ``listed`` and ``failures`` are by instrument key: what its venue said, or why not.

    An instrument that is in neither was not asked for, and goes by its configuration without a word.
    """
    terms: list[Terms] = []
    problems: list[str] = []
    warnings: list[str] = []
    keep = dict(kept)
    for instrument in instruments:
        key = instrument.key
        found = _find(instrument, listed.get(key, ()))
        if found is not None:
            keep[key] = Kept(read_ns=now_ns, listed=found)
            terms.append(_by(instrument, found, Source.VENUE, 0))
            warnings += _changes(instrument, found, kept.get(key))
            problems += _objections(terms[-1], found)
        elif key in listed or key in failures:
            terms.append(_without_the_venue(instrument, kept.get(key), now_ns))
            line = f"{key}: {failures.get(key, 'its venue does not list it')}; {_goes_by(terms[-1])}"
            (warnings if _is_recent(terms[-1]) and key in failures else problems).append(line)
        else:
            terms.append(Terms(instrument=instrument, source=Source.CONFIGURATION))
    return Outcome(
        terms=tuple(terms),
        problems=tuple(problems),
        warnings=tuple(warnings),
        kept=keep,
        is_unanswered=bool(failures.keys() - listed.keys()),
    )


def differences(used: Mapping[str, Instrument], known: Outcome) -> list[str]:
    """Name each step in which a venue's word of now differs from what the run goes by."""
    lines = []
    for terms in known.terms:
        before = used.get(terms.instrument.key)
        for name in _STEPS if before is not None and terms.source is Source.VENUE else ():
            now_e8, used_e8 = getattr(terms.instrument, f"{name}_e8"), getattr(before, f"{name}_e8")
            if now_e8 != used_e8:
                lines.append(
                    f"{terms.instrument.key}: {name} is {format_e8(now_e8)}, this run goes by {format_e8(used_e8)}; "
                    "restart the worker to take it over"
                )
    return lines


def _find(instrument: Instrument, listed: Sequence[Listed]) -> Listed | None:
    wanted = instrument.symbol.upper()
    return next((one for one in listed if one.symbol.upper() == wanted), None)


def _without_the_venue(instrument: Instrument, kept: Kept | None, now_ns: Nanos) -> Terms:
    if kept is None:
        return Terms(instrument=instrument, source=Source.CONFIGURATION)
    return _by(instrument, kept.listed, Source.CACHE, max(now_ns - kept.read_ns, 0))


def _by(instrument: Instrument, listed: Listed, source: Source, age_ns: Nanos) -> Terms:
    known = {name: value for name in _STEPS if (value := getattr(listed, f"{name}_e8")) is not None}
    aliases = tuple(dict.fromkeys((*instrument.aliases, *listed.aliases)))
    return Terms(
        instrument=Instrument(
            venue=instrument.venue,
            symbol=instrument.symbol,
            base=instrument.base,
            quote=instrument.quote,
            price_tick_e8=known.get("price_tick", instrument.price_tick_e8),
            lot_e8=known.get("lot", instrument.lot_e8),
            min_size_e8=known.get("min_size", instrument.min_size_e8),
            min_notional_e8=known.get("min_notional", instrument.min_notional_e8),
            aliases=aliases,
            size_digits=instrument.size_digits,
        ),
        source=source,
        age_ns=age_ns,
        status=listed.status,
    )


def _changes(instrument: Instrument, listed: Listed, kept: Kept | None) -> list[str]:
    """Name each step that differs from what was known before: from the last answer, else from the configuration."""
    lines = []
    for name in _STEPS:
        now = getattr(listed, f"{name}_e8")
        before = getattr(instrument if kept is None else kept.listed, f"{name}_e8")
        if now is not None and before is not None and now != before:
            known = "configured" if kept is None else "at the last start"
            lines.append(f"{instrument.key}: {name} is {format_e8(now)}, {known} {format_e8(before)}")
    return lines


def _objections(terms: Terms, listed: Listed) -> list[str]:
    instrument = terms.instrument
    lines = [f"{instrument.key}: not open for trading ({listed.status})"] if listed.status else []
    pair, wanted = f"{listed.base}/{listed.quote}".upper(), f"{instrument.base}/{instrument.quote}".upper()
    if listed.base and listed.quote and pair != wanted:
        lines.append(f"{instrument.key}: the venue trades {pair} under this symbol, configured is {wanted}")
    return lines


def _is_recent(terms: Terms) -> bool:
    return terms.age_ns is not None and terms.age_ns < _OLD_NS and not terms.status


def _goes_by(terms: Terms) -> str:
    if terms.age_ns is None:
        return "going by the configuration"
    status = f", which says {terms.status}" if terms.status else ""
    return f"going by its answer of {terms.age_ns / NANOS_PER_SECOND / _HOUR_S:.1f} hours ago{status}"
