"""The ``arb`` command: arguments in, exit code out. The work is done elsewhere and imported when it is asked for."""

import os
import sys
from typing import NoReturn

import click

from streaming_worker.cli.alerts import alerts
from streaming_worker.cli.examine import demo_check, doctor
from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.keep import backup, restore
from streaming_worker.cli.lake import lake
from streaming_worker.cli.prove import bench, recall, replay, vectors
from streaming_worker.cli.report import report
from streaming_worker.cli.run import up, venues, worker
from streaming_worker.cli.serve import api, audit, users
from streaming_worker.errors import ConfigError, OperationError, WorkerError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=EXIT_CODE_HELP)
@click.version_option(package_name="arb-platform", prog_name="arb")
def arb() -> None:
    """Watch exchanges and Solana pools, record everything, never trade, and prove which arbitrage was real.

    \b
    Start here:
      arb up                   everything on this machine, with local venues (demo)
      arb up --profile live    the public endpoints instead
      arb doctor               is this machine ready?
    """


for _command in (
    up, worker, api, venues, users, audit, replay, vectors, recall, bench, lake, backup, restore, report,
    alerts, doctor, demo_check,
):  # fmt: skip
    arb.add_command(_command)


def main() -> NoReturn:
    """Run the command and turn its end into an exit code. What it writes is for its owner only."""
    os.umask(0o077)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> ExitCode | int:
    """Run with these arguments; errors become one line on stderr."""
    try:
        code = arb.main(arguments, prog_name="arb", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.OK
    except click.ClickException as e:
        e.show()
        return ExitCode.CONFIGURATION
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except ConfigError as e:
        return _complain(str(e), hint=None, code=ExitCode.CONFIGURATION)
    except OperationError as e:
        return _complain(str(e), hint=e.hint, code=ExitCode.ENVIRONMENT)
    except (WorkerError, OSError) as e:
        return _complain(str(e), hint=None, code=ExitCode.ENVIRONMENT)


def _complain(message: str, *, hint: str | None, code: ExitCode) -> ExitCode:
    click.echo(f"error: {message}" + (f" ({hint})" if hint else ""), err=True)
    return code
