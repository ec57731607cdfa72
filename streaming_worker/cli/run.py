"""Commands that run until they are stopped: everything, the worker alone, the local venues alone."""

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config


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
    from streaming_worker.operations.up import Platform, run

    run(Platform(config=loaded.config, environ=loaded.environ, say=click.echo))
    return ExitCode.OK
