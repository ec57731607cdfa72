"""Every setting and every variable stands in docs/CONFIGURATION.md, with its default and what it takes."""

import re
from pathlib import Path

from streaming_worker.config.setting import Setting
from streaming_worker.config.settings import SETTINGS, variables

VARIABLE = re.compile(r"\bARB_[A-Z][A-Z_]*[A-Z]\b")


def row(setting: Setting) -> str:
    """Return the documented line of one setting."""
    name = f"`{setting.env}`" + (f" or `{setting.env}_FILE`" if setting.secret else "") if setting.env else ""
    return f"| `{setting.key}` | {name} | {_default(setting)} | {setting.doc} | {setting.allowed} |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    match setting.default:
        case None | ():
            return ""
        case bool() as flag:
            return "true" if flag else "false"
        case tuple() as values:
            return ", ".join(map(str, values))
        case value:
            return str(value)


def test_every_setting_has_its_row(repository: Path) -> None:
    lines = (repository / "docs/CONFIGURATION.md").read_text(encoding="utf-8").splitlines()
    missing = [row(setting) for setting in SETTINGS if row(setting) not in lines]
    assert missing == [], "rows that docs/CONFIGURATION.md lacks:\n" + "\n".join(missing)


def test_every_variable_that_the_code_reads_is_documented(repository: Path) -> None:
    documented = set(VARIABLE.findall((repository / "docs/CONFIGURATION.md").read_text(encoding="utf-8")))
    read = set(variables())
    for package in ("streaming_worker", "arb_pipeline"):
        for path in (repository / package).rglob("*.py"):
            read |= {name for name in VARIABLE.findall(path.read_text(encoding="utf-8")) if not name.endswith("_FILE")}
    read -= {"ARB_PORT", "ARB_PIPELINE", "ARB_REPORT"}  # prefixes, not variables
    assert sorted(read - documented) == []


def test_the_template_lists_every_variable_and_sets_none(repository: Path) -> None:
    text = (repository / ".env.template").read_text(encoding="utf-8")
    assert sorted(set(variables()) - set(VARIABLE.findall(text))) == []
    assert [line for line in text.splitlines() if line.strip() and not line.startswith("#")] == []
