"""Commands that look: is this machine ready, and does the whole system work on it."""

import json

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(*, loaded: Loaded, as_json: bool) -> ExitCode:
    """Examine configuration, packages, disk, clock, ports and endpoints, and give a verdict.

    \b
    Examples:
      arb doctor
      arb doctor --profile live --json
    """
    from streaming_worker.operations.doctor import Verdict, examine, verdict_of

    findings = examine(loaded.config, loaded.environ)
    verdict = verdict_of(findings)
    if as_json:
        rows = [{"subject": f.subject, "verdict": f.verdict.value, "detail": f.detail} for f in findings]
        click.echo(json.dumps({"verdict": verdict.value, "findings": rows}, indent=2))
    else:
        for finding in findings:
            mark = click.style(f"{finding.verdict.value:8}", fg=_COLOURS[finding.verdict.value])
            click.echo(f"{mark} {finding.subject}: {finding.detail}")
        click.echo(_SENTENCES[verdict.value])
    return ExitCode.ENVIRONMENT if verdict is Verdict.FAILED else ExitCode.OK


_SENTENCES = {
    "ok": "verdict: ready",
    "warning": "verdict: ready, with warnings",
    "failed": "verdict: not ready; mend what failed above",
}
