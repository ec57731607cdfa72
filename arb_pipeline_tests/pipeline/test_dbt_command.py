"""dbt is started once for one command, and the library is still the one that this was written for."""

from pathlib import Path

from dagster_dbt import DbtCliResource

from arb_pipeline.dbt_command import LeanDbt
from arb_pipeline.dbt_files import dbt_program, project_folder


def test_the_version_is_known_without_starting_dbt_and_is_what_dbt_says(tmp_path: Path) -> None:
    broken = tmp_path / "dbt"
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    broken.chmod(0o700)
    lean = LeanDbt(project_dir=str(project_folder()), dbt_executable=str(broken))
    asked = DbtCliResource(project_dir=str(project_folder()), dbt_executable=str(dbt_program()))
    assert lean._cli_version == asked._cli_version


def test_what_is_left_out_still_exists_in_the_library() -> None:
    assert callable(DbtCliResource._initialize_dbt_core_adapter)
    assert LeanDbt._initialize_dbt_core_adapter is not DbtCliResource._initialize_dbt_core_adapter
