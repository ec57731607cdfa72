"""Commands that run until they are stopped: everything, the worker alone, the local venues alone."""

import sys
from pathlib import Path
from typing import Literal, TypeAlias

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config

LogFormat: TypeAlias = Literal["json", "console"]


@click.command(epilog=EXIT_CODE_HELP)
@with_config
def up(*, loaded: Loaded) -> ExitCode:
    """Start everything, print the URLs when it is ready, and keep it running until Ctrl-C.

    \b
    Examples:
      arb up                            local venues, nothing leaves this machine
      arb up --profile live             public endpoints, no key needed
      arb up --port-base 20000          all ports from 20000 on
    """
    from streaming_worker.cli.progress import steps
    from streaming_worker.operations.up import Platform, run

    with steps() as step:
        run(Platform(config=loaded.config, environ=loaded.environ, say=click.echo, progress=step))
    return ExitCode.OK


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option(
    "--log-level", default="INFO", show_default=True, type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR"))
)
@click.option("--log-format", type=click.Choice(("json", "console")), help="json, unless stderr is a terminal.")
def worker(*, loaded: Loaded, log_level: str, log_format: LogFormat | None) -> ExitCode:
    """Run the worker alone: connect to every feed, decide, record, and answer on the gateway until Ctrl-C.

    \b
    Examples:
      arb worker --profile live
      arb worker --log-level DEBUG --log-format console
    """
    from streaming_worker.operations.processes import serve_worker

    form = log_format or ("console" if sys.stderr.isatty() else "json")
    serve_worker(loaded.config, level=log_level, form=form, say=lambda url: click.echo(f"worker answers at {url}"))
    return ExitCode.OK


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.argument("captures", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--speed", default="1", show_default=True, help="Pace of recordings: a whole number, or max.")
@click.option("--extra-books", is_flag=True, help="Add BTC and ETH books and a cross to the synthetic market.")
@click.option("--market-state", type=click.Path(path_type=Path), help="Go on from this saved market, if it is there.")
@click.option(
    "--faults", type=click.Path(path_type=Path), help="Do to the clients what this script says, TOML or JSON."
)
def venues(
    *,
    loaded: Loaded,
    captures: tuple[Path, ...],
    speed: str,
    extra_books: bool,
    market_state: Path | None,
    faults: Path | None,
) -> ExitCode:
    """Serve the local venues: a seeded synthetic market, or recorded captures, in the venues' own protocols.

    A venue that is in CAPTURES plays its recording; the others stay synthetic.

    \b
    Examples:
      arb venues
      arb venues recordings/gemini/*.jsonl.gz --speed max
      ARB_VENUES_SEED=3 arb venues --extra-books
      arb venues --faults docs/examples/faults.toml
    """
    from streaming_worker.operations.processes import serve_venues
    from streaming_worker.sandbox.run import VenueOptions

    options = VenueOptions(
        seed=loaded.config.venues.seed,
        captures=captures,
        speed=_speed(speed),
        base_port=loaded.config.venues.port,
        extra_books=extra_books or loaded.config.venues.extra_books,
        market_state=market_state if market_state is not None and market_state.exists() else None,
        faults=faults,
    )
    serve_venues(loaded.config, options, say=click.echo)
    return ExitCode.OK


def _speed(text: str) -> int | None:
    if text == "max":
        return None
    if not text.isdigit() or int(text) == 0:
        raise click.BadParameter("expected a whole number above 0, or max", param_hint="--speed")
    return int(text)
