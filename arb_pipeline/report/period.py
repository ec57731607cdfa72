"""Which days a report is about: one UTC day, or several in a row; and which days it is compared with."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_WEEK: Final = 7
_MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Period:
    """UTC days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @classmethod
    def of_day(cls, day: str) -> "Period":
        """Return one day. Raises ValueError for what is not a day as in ``2026-11-21``."""
        return cls(date.fromisoformat(day), date.fromisoformat(day))

    @classmethod
    def between(cls, first: str, last: str) -> "Period":
        """Return a range of days. Raises ValueError for what is not a day, the wrong order, or more than a year."""
        period = cls(date.fromisoformat(first), date.fromisoformat(last))
        if not 1 <= period.days <= _MOST_DAYS:
            raise ValueError(f"expected 1 to {_MOST_DAYS} days, the first before the last, received {first} to {last}")
        return period

    @classmethod
    def of_week(cls, day: str) -> "Period":
        """Return the week, Monday to Sunday, that holds a day. Raises ValueError for what is not a day."""
        at = date.fromisoformat(day)
        monday = at - timedelta(days=at.weekday())
        return cls(monday, monday + timedelta(days=_WEEK - 1))

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.last - self.first).days + 1

    @property
    def is_day(self) -> bool:
        """Return whether it is a single day."""
        return self.days == 1

    @property
    def is_week(self) -> bool:
        """Return whether it is a week from Monday to Sunday."""
        return self.days == _WEEK and self.first.weekday() == 0

    @property
    def name(self) -> str:
        """Return the name of its folder and the mark of its mails: ``2026-11-21`` or ``2026-11-16_2026-11-22``."""
        return self.first.isoformat() if self.is_day else f"{self.first}_{self.last}"

    @property
    def title(self) -> str:
        """Return it in words: a day, a week by its number, or two days."""
        if self.is_day:
            return self.first.isoformat()
        if self.is_week:
            year, week, _ = self.first.isocalendar()
            return f"week {week} of {year} ({self.first} to {self.last})"
        return f"{self.first} to {self.last}"

    @property
    def keys(self) -> list[str]:
        """Return every day."""
        return [(self.first + timedelta(days=offset)).isoformat() for offset in range(self.days)]

    def earlier(self, days: int) -> "Period":
        """Return as many days, so many days before."""
        return Period(self.first - timedelta(days=days), self.last - timedelta(days=days))

    def comparisons(self) -> list[tuple[str, "Period", bool]]:
        """Return what it is compared with: words, days, and whether the mean of a day is meant."""
        if not self.is_day:
            before = "the week before" if self.is_week else f"the {self.days} days before"
            return [(before, self.earlier(self.days), False)]
        week = Period(self.first - timedelta(days=_WEEK), self.last - timedelta(days=1))
        return [
            ("the day before", self.earlier(1), False),
            ("a week before", self.earlier(_WEEK), False),
            ("mean of 7 days", week, True),
        ]
