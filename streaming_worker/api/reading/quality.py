"""Gaps and completeness of the record."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query

from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import Name
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.sorting import orders
from streaming_worker.api.reading.sources import contains, equals, every
from streaming_worker.api.record_desk import Row
from streaming_worker.api.schemas.base import exact, milliseconds, moment
from streaming_worker.api.schemas.market import CompletenessHour, Gap
from streaming_worker.core.units import NANOS_PER_MILLISECOND


class GapSort(StrEnum):
    """What gaps can be sorted by; a minus in front turns it around."""

    NEWEST = "-started_at"
    OLDEST = "started_at"
    LONGEST = "-duration_ms"


class CompletenessSort(StrEnum):
    """What hours can be sorted by; a minus in front turns it around."""

    NEWEST = "-hour_at"
    WORST = "completeness_percent"


_GAP_COLUMN: Final = {"started_at": "start_ns", "duration_ms": "duration_ns"}
_HOUR_COLUMN: Final = {"hour_at": "hour_ns", "completeness_percent": "completeness_pct"}


@dataclass(frozen=True, slots=True)
class GapQuery:
    """A whole query for gaps."""

    span: Annotated[Range, asked(wanted_range)]
    feed: Name = None
    instrument: Name = None
    cause: Name = None
    q: Name = None
    sort: Annotated[GapSort, Query()] = GapSort.NEWEST

    def listing(self, _: object = None) -> Listing:
        """Return it as SQL."""
        base = """
            SELECT *, end_ns - start_ns AS duration_ns,
                concat_ws('-', run_id, start_ns, end_ns, feed, instrument, cause) AS id
            FROM gaps
        """
        conditions = [
            self.span.holds("received_ns"),
            equals("feed", self.feed),
            equals("instrument", self.instrument),
            equals("cause", self.cause),
            contains(("feed", "instrument", "cause"), self.q),
        ]
        return Listing(
            base=base,
            where=every(conditions),
            order=orders(self.sort.value, _GAP_COLUMN),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


@dataclass(frozen=True, slots=True)
class CompletenessQuery:
    """A whole query for hours."""

    span: Annotated[Range, asked(wanted_range)]
    feed: Name = None
    market: Name = None
    sort: Annotated[CompletenessSort, Query()] = CompletenessSort.NEWEST

    def listing(self) -> Listing:
        """Return it as SQL over the published file."""
        base = """
            SELECT *, epoch_ns(hour_at) AS hour_ns, concat_ws('-', worker, feed, market, epoch_ns(hour_at)) AS id
            FROM published.fct_feed_quality
        """
        conditions = [self.span.holds("hour_ns"), equals("feed", self.feed), equals("market", self.market)]
        return Listing(
            base=base,
            where=every(conditions),
            order=orders(self.sort.value, _HOUR_COLUMN),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


def gap(row: Row) -> Gap:
    """Return one gap."""
    return Gap(
        id=row["id"],
        worker=row["worker"],
        run_id=row["run_id"],
        feed=row["feed"],
        instrument=row["instrument"],
        cause=row["cause"],
        close_code=row["close_code"],
        started_at=moment(row["start_ns"]),
        started_ns=str(row["start_ns"]),
        ended_at=moment(row["end_ns"]),
        ended_ns=str(row["end_ns"]),
        duration_ms=row["duration_ns"] // NANOS_PER_MILLISECOND,
        expected=row["expected"],
        received=row["received"],
    )


def completeness_hour(row: Row) -> CompletenessHour:
    """Return one hour of one market."""
    return CompletenessHour(
        hour_at=moment(row["hour_ns"]),
        worker=row["worker"],
        feed=row["feed"],
        market=row["market"] or "",
        events=row["events"],
        rows_captured=row["rows_captured"],
        gaps=row["gaps"],
        gap_ms=milliseconds(row["gap_ns"]) or 0,
        downtime_ms=milliseconds(row["downtime_ns"]) or 0,
        dead_letters=row["dead_letters"],
        longest_silence_ms=milliseconds(row["longest_silence_ns"]),
        delay_p50_ms=milliseconds(row["delay_p50_ns"]),
        delay_p99_ms=milliseconds(row["delay_p99_ns"]),
        clock_offset_ms=milliseconds(row["clock_offset_ns"]),
        completeness_percent=exact(row["completeness_pct"]),
    )
