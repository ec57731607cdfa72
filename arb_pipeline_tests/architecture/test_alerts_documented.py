"""Every kind of alert that the code raises is in the catalogue, and the runbook has an entry under its name."""

import re
from pathlib import Path

from streaming_worker.alerts.catalogue import KINDS, runbook_link


def test_every_kind_has_its_entry_in_the_runbook(repository: Path) -> None:
    runbook = (repository / "RUNBOOK.md").read_text(encoding="utf-8")
    section = runbook.split("## Alerts\n")[1].split("\n## ")[0]
    entries = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    assert sorted(entries) == sorted(KINDS)
    for name in entries:
        text = section.split(f"### {name}\n")[1].split("###")[0]
        assert len(text.strip()) > 40, name
    assert runbook_link("disk_low", "RUNBOOK.md") == "RUNBOOK.md#disk_low"


def test_every_kind_that_is_raised_is_in_the_catalogue(repository: Path) -> None:
    raised: set[str] = set()
    for package in ("streaming_worker", "arb_pipeline"):
        for path in (repository / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            raised |= set(re.findall(r'\bkind="(\w+)",\n\s+subject=', text))
    assert raised
    assert raised <= set(KINDS)
    assert set(KINDS) - raised == {"channel_failing"}  # its name is a constant
