"""The dbt command as our assets run it: without what dagster-dbt prepares for features that nothing here uses."""

from functools import cached_property
from importlib.metadata import version
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version, parse


class LeanDbt(DbtCliResource):  # type: ignore[misc]  # dagster_dbt is read without its types
    """Start dbt at once.

    Before each command the library starts dbt a second time to ask for its version, and parses every macro in the
    process of the run, to be able to read row counts and columns from the warehouse: some seconds of every run. The
    version is that of the installed package, and row counts are read by one query of ours.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return parse(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> None:
        """Return no adapter: nothing fetches row counts or columns through it."""
