"""Commands that look: is this machine ready, and does the whole system work on it."""

import json
import os

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


@click.command("demo-check", epilog=EXIT_CODE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option(
    "--seconds", default=300, show_default=True, type=click.IntRange(30, 3600), help="Give up after this long."
)
def demo_check(*, as_json: bool, seconds: int) -> ExitCode:
    """Run the whole system on free ports in a folder of its own, and say what was proven.

    It needs rows captured, segments sealed, every asset materialised with its checks passed, a report with filled
    tables in the mail, and a clean stop. The folder is kept only when something is missing.

    \b
    Examples:
      arb demo-check
      arb demo-check --json
    """
    from streaming_worker.operations.demo_check import DemoCheck

    proof = DemoCheck(os.environ, lambda line: click.echo(line, err=True), bound_seconds=seconds).run()
    if as_json:
        click.echo(json.dumps(proof.as_json(), indent=2))
    else:
        for name, value in proof.as_json().items():
            click.echo(f"{name}: {value}")
    return ExitCode.OK if proof.passed else ExitCode.FINDING
