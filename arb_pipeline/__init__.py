"""The Dagster code location: lake, reconciliation, simulation, PnL, quality, report."""
