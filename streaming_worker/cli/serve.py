"""Commands around the API: serve it, make users, check the audit log."""

import json
import sys
from pathlib import Path
from typing import Literal, TypeAlias

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config

LogFormat: TypeAlias = Literal["json", "console"]
ROLES = ("viewer", "operator", "admin")


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--console-dir", type=click.Path(path_type=Path), help="Folder of the built console.")
@click.option(
    "--log-level", default="INFO", show_default=True, type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR"))
)
@click.option("--log-format", type=click.Choice(("json", "console")), help="json, unless stderr is a terminal.")
def api(*, loaded: Loaded, console_dir: Path | None, log_level: str, log_format: LogFormat | None) -> ExitCode:
    """Serve the API and the console: live from the worker's gateway, history from the record, until Ctrl-C.

    \b
    Examples:
      arb api
      arb api --profile live --log-level WARNING
    """
    from streaming_worker.operations.processes import serve_api

    form = log_format or ("console" if sys.stderr.isatty() else "json")
    serve_api(loaded.config, environ=loaded.environ, level=log_level, form=form, console_dir=console_dir)
    return ExitCode.OK


@click.group(epilog=EXIT_CODE_HELP)
def users() -> None:
    """Make and change the API's users. There is none to begin with, and no password is known to anybody.

    \b
    Examples:
      arb users create ann --role admin
      arb users list
    """


@users.command("create", epilog=EXIT_CODE_HELP)
@with_config
@click.argument("username")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What the user may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def create_user(*, loaded: Loaded, username: str, role: str, password_stdin: bool) -> ExitCode:
    """Make a user. The password is asked for twice, or read from standard input.

    \b
    Examples:
      arb users create ann --role admin
      arb users create bob --password-stdin
    """
    from streaming_worker.operations.people import add_user

    add_user(loaded.config, username, _password(is_piped=password_stdin), role)
    click.echo(f"{username} may log in as {role}")
    return ExitCode.OK


@users.command("list", epilog=EXIT_CODE_HELP)
@with_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def list_users(*, loaded: Loaded, as_json: bool) -> ExitCode:
    """List the users with their roles.

    \b
    Examples:
      arb users list
      arb users list --json
    """
    from streaming_worker.operations.people import users_of

    rows = users_of(loaded.config)
    if as_json:
        click.echo(json.dumps({"users": rows}, indent=2))
    for row in () if as_json else rows:
        click.echo(f"{row['username']:20} {row['role']:10}{' disabled' if row['is_disabled'] else ''}")
    return ExitCode.OK


@users.command("set-password", epilog=EXIT_CODE_HELP)
@with_config
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def set_password(*, loaded: Loaded, username: str, password_stdin: bool) -> ExitCode:
    """Give a user a new password, end every login of theirs, and lift a lockout.

    \b
    Examples:
      arb users set-password ann
    """
    from streaming_worker.operations.people import reset_password

    reset_password(loaded.config, username, _password(is_piped=password_stdin))
    click.echo(f"{username} has a new password; every login has ended")
    return ExitCode.OK


@users.command("set-role", epilog=EXIT_CODE_HELP)
@with_config
@click.argument("username")
@click.argument("role", type=click.Choice((*ROLES, "disabled")))
def set_role(*, loaded: Loaded, username: str, role: str) -> ExitCode:
    """Change what a user may do, or shut a user out.

    \b
    Examples:
      arb users set-role ann operator
      arb users set-role bob disabled
    """
    from streaming_worker.operations.people import change_role

    change_role(loaded.config, username, role)
    click.echo(f"{username} is {role} now")
    return ExitCode.OK


@users.command("rotate-signing", epilog=EXIT_CODE_HELP)
@with_config
def rotate_signing(*, loaded: Loaded) -> ExitCode:
    """Sign access tokens with a new key from now on; those that are out hold until they end, 15 minutes at most.

    \b
    Examples:
      arb users rotate-signing
    """
    from streaming_worker.operations.people import rotate

    click.echo(f"tokens are signed with {rotate(loaded.config)} now")
    return ExitCode.OK


@click.group(epilog=EXIT_CODE_HELP)
def audit() -> None:
    """Check the audit log of everything that people and keys did.

    \b
    Examples:
      arb audit verify
    """


@audit.command("verify", epilog=EXIT_CODE_HELP)
@with_config
@click.option("--head", help="A hash from the log of the process that must be in the chain.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def verify(*, loaded: Loaded, head: str | None, as_json: bool) -> ExitCode:
    """Read the whole chain and say whether it holds; exit code 1 where it does not.

    \b
    Examples:
      arb audit verify
      arb audit verify --json
    """
    from streaming_worker.operations.people import verify_audit

    verdict = verify_audit(loaded.config, head)
    if as_json:
        click.echo(json.dumps(verdict, indent=2))
    elif verdict["is_whole"]:
        click.echo(f"whole: {verdict['entries']} entries, head {verdict['head_seq']} {verdict['head_hash']}")
    else:
        click.echo(f"broken at entry {verdict['broken_at']}: {verdict['problem']}")
    return ExitCode.OK if verdict["is_whole"] else ExitCode.FINDING


def _password(*, is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
