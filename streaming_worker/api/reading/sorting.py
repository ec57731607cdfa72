"""By what a list is sorted: names that people use, several of them where the first leaves rows equal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Query

MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Order:
    """One column that rows are sorted by; rows without a value come last either way."""

    column: str
    is_descending: bool

    @property
    def sql(self) -> str:
        """As a term of ORDER BY."""
        return f"{self.column} {'DESC' if self.is_descending else 'ASC'} NULLS LAST"

    def beyond(self, value: str) -> str:
        """The rows that come after a value, which is an SQL literal."""
        if value == "NULL":
            return "false"
        return f"({self.column} {'<' if self.is_descending else '>'} {value} OR {self.column} IS NULL)"


def sort_by(names: Iterable[str]) -> Any:
    """Return what a query takes: up to three names by comma, each turned around by a minus in front."""
    name = f"-?({'|'.join(names)})"
    return Query(
        max_length=120,
        pattern=f"^{name}(,{name}){{0,{MOST - 1}}}$",
        description="up to three names by comma, the first one first; a minus in front turns it around",
    )


def orders(sort: str, columns: Mapping[str, str]) -> tuple[Order, ...]:
    """Return the columns of a sort; a name that comes again changes nothing."""
    chosen: dict[str, Order] = {}
    for name in sort.split(","):
        column = columns[name.lstrip("-")]
        chosen.setdefault(column, Order(column, name.startswith("-")))
    return tuple(chosen.values())
