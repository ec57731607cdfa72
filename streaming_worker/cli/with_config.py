"""The options that every command with settings takes, and the configuration they lead to.

They are carried as environment variables, so that the programs that a command starts see the same settings.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from streaming_worker.config import Config, load_config
from streaming_worker.config.settings import FILE_ENV, PROFILE_ENV, PROFILES
from streaming_worker.operations.ports import ports_from_base


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and the environment that leads to them."""

    config: Config
    environ: dict[str, str]


def with_config(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options and pass ``loaded``; what the settings warn of is shown on stderr."""

    @click.option("--config", "file", type=click.Path(path_type=Path), help=f"TOML file of settings [{FILE_ENV}].")
    @click.option("--profile", type=click.Choice(PROFILES), help=f"Shipped settings to start from [{PROFILE_ENV}].")
    @click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for everything written [ARB_DATA_DIR].")
    @click.option("--port-base", type=click.IntRange(1024, 65_000), help="Use the 32 ports from here on.")
    @functools.wraps(command)
    def run(
        *args: Any, file: Path | None, profile: str | None, data_dir: Path | None, port_base: int | None, **options: Any
    ) -> Any:
        environ = environment_of(file=file, profile=profile, data_dir=data_dir, port_base=port_base)
        config = load_config(None, environ)
        for warning in config.warnings:
            click.echo(f"warning: {warning}", err=True)
        return command(*args, loaded=Loaded(config, environ), **options)

    return run


def environment_of(
    *, file: Path | None, profile: str | None, data_dir: Path | None, port_base: int | None
) -> dict[str, str]:
    """Return our environment with the options laid over it."""
    environ = dict(os.environ)
    if file is not None:
        environ[FILE_ENV] = str(file.absolute())
    if profile is not None:
        environ[PROFILE_ENV] = profile
    if data_dir is not None:
        environ["ARB_DATA_DIR"] = str(data_dir.absolute())
    if port_base is not None:
        environ.update(ports_from_base(port_base))
    return environ
