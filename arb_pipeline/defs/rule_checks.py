"""Turn rules over rows into one result of an asset check."""

import json
from collections.abc import Mapping

import dagster as dg
import duckdb

from arb_pipeline.analytics.rules import breaches


def rules_result(
    connection: duckdb.DuckDBPyConnection,
    rules_of_table: Mapping[str, Mapping[str, str]],
    *,
    queries: Mapping[str, str] | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Check rules by table, and queries by name that must give no row; breaking rows are attached."""
    broken = {
        breach.rule: {"rows": breach.rows, "examples": [json.loads(row) for row in breach.examples]}
        for table, rules in rules_of_table.items()
        for breach in breaches(connection, table, rules)
    }
    for name, query in (queries or {}).items():
        rows = connection.execute(query).fetchall()
        if rows:
            broken[name] = {"rows": len(rows), "examples": [[str(value) for value in row] for row in rows[:20]]}
    checked = sum(len(rules) for rules in rules_of_table.values()) + len(queries or {})
    return dg.AssetCheckResult(
        passed=not broken,
        severity=severity,
        description="; ".join(broken) or f"{checked} rules hold",
        metadata={"rules": checked, "broken": dg.MetadataValue.json(broken)},
    )
