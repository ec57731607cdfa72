"""What is counted up in two places agrees: decisions with their headings, reasons of refusals with the runbook."""

import re
from pathlib import Path

from streaming_worker.core.reasons import RejectionReason


def test_every_decision_is_headed_by_its_number_and_says_context_choice_and_cost(repository: Path) -> None:
    paths = sorted((repository / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in paths] == [f"{number:04d}" for number in range(1, len(paths) + 1)]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {path.name[:4]}: \S", text), path.name
        assert [part for part in ("**Context.**", "**Choice.**", "**Cost.**") if part not in text] == [], path.name


def test_every_reason_of_a_refusal_is_explained_in_the_runbook_once(repository: Path) -> None:
    runbook = (repository / "RUNBOOK.md").read_text(encoding="utf-8")
    section = runbook.split("### Nothing is found")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (`.*?`) \| (.*?) \| (.*?) \|$", section, re.MULTILINE)
    explained = [name for names, _, _ in rows for name in re.findall(r"`(\w+)`", names)]
    assert sorted(explained) == sorted(reason.value for reason in RejectionReason)
    assert all(meaning and act for _, meaning, act in rows)
