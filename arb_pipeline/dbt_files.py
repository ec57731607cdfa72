"""Where the dbt project and its manifest are: beside the package in a checkout, inside it in a wheel."""

import sys
from pathlib import Path

import arb_pipeline
from streaming_worker.errors import ConfigError

_IN_WHEEL = "dbt_project"


def project_folder() -> Path:
    """Return the folder with dbt_project.yml. Raises ConfigError when neither place has it."""
    package = Path(arb_pipeline.__file__).parent
    for folder in (package.parent / "dbt", package / _IN_WHEEL):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise ConfigError(f"no dbt project in {package.parent / 'dbt'} nor in {package / _IN_WHEEL}", key="dbt")


def fee_tiers() -> Path:
    """Return the list of published fee tiers."""
    return project_folder() / "seeds" / "fee_tiers.csv"


def manifest_path() -> Path:
    """Return where the manifest is, made by the install step."""
    return project_folder() / "target" / "manifest.json"


def built_manifest() -> Path:
    """Return the manifest. Raises ConfigError saying how to make it when it is missing."""
    path = manifest_path()
    if not path.is_file():
        raise ConfigError(f"{path} is missing; make it with: python -m arb_pipeline.manifest", key="dbt")
    return path


def dbt_program() -> Path:
    """Return the dbt command of this environment; PATH may know another one or none."""
    return Path(sys.executable).parent / "dbt"
