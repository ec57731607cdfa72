"""Rules over rows: each has a name in words and an SQL condition that selects the rows breaking it."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold: how many rows break it, and the first of them as JSON."""

    rule: str
    rows: int
    examples: tuple[str, ...]


def breaches(connection: duckdb.DuckDBPyConnection, table: str, rules: Mapping[str, str]) -> list[Breach]:
    """Return the rules that some row of a table or view breaks."""
    found = []
    for rule, condition in rules.items():
        rows = connection.execute(
            f"FROM {table} AS broken SELECT to_json(broken)::VARCHAR, count(*) OVER () WHERE {condition}"
            f" LIMIT {SHOWN_ROWS}"
        ).fetchall()
        if rows:
            found.append(Breach(rule, int(rows[0][1]), tuple(str(row[0]) for row in rows)))
    return found
