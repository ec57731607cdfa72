"""The report as files: HTML, text, pictures, tables and its figures as JSON, the same content in each."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import jinja2

from arb_pipeline.report import words
from arb_pipeline.report.attachments import trades_csv, workbook
from arb_pipeline.report.charts import ALT_TEXTS, charts
from arb_pipeline.report.figures import Figures, read_figures
from arb_pipeline.report.period import Period
from arb_pipeline.report.queries import SHOWN_GAPS

HTML_FILE: Final = "report.html"
TEXT_FILE: Final = "report.txt"
JSON_FILE: Final = "report.json"
CSV_FILE: Final = "trades.csv"
XLSX_FILE: Final = "report.xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a reader goes on: the console for an episode, Dagster for how the figures were made."""

    console: str
    dagster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A finished report. ``charts`` are PNGs by name; ``html`` shows each from where it is told it will be."""

    figures: Figures
    links: Links
    subject: str
    text: str
    csv: str
    charts: Mapping[str, bytes] = field(repr=False)
    workbook: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.figures.period.name

    def html(self, chart_source: Callable[[str], str]) -> str:
        """Return the HTML; ``chart_source`` says where a picture is: a file's name, or a content id."""
        sources = {name: chart_source(name) for name in self.charts}
        return _environment().get_template("report.html.j2").render(**_values(self.figures, self.links), charts=sources)

    def write(self, folder: Path) -> None:
        """Put every file into a folder; each replaces the one before in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files().items():
            temporary = folder / f".{name}.new"
            temporary.write_bytes(content)
            temporary.replace(folder / name)

    def files(self) -> dict[str, bytes]:
        """Return every file by its name."""
        return {
            # The kept page holds its pictures itself: it is one file, wherever it is opened.
            HTML_FILE: self.html(lambda name: _inside(self.charts[name])).encode(),
            TEXT_FILE: self.text.encode(),
            JSON_FILE: _json(self.figures, self.subject).encode(),
            CSV_FILE: self.csv.encode(),
            XLSX_FILE: self.workbook,
            **{f"{name}.png": content for name, content in self.charts.items()},
        }


def _inside(picture: bytes) -> str:
    return f"data:image/png;base64,{b64encode(picture).decode()}"


def make_report(
    connection: duckdb.DuckDBPyConnection, period: Period, links: Links, *, is_final: bool
) -> ReportDocument:
    """Make a period's report from the published file."""
    figures = read_figures(connection, period, is_final=is_final)
    return ReportDocument(
        figures=figures,
        links=links,
        subject=words.subject(figures),
        text=_environment().get_template("report.txt.j2").render(**_values(figures, links)),
        csv=trades_csv(connection, figures),
        charts=charts(figures),
        workbook=workbook(connection, figures),
    )


def _values(figures: Figures, links: Links) -> dict[str, object]:
    return {
        "f": figures,
        "s": figures.summary,
        "t": figures.tables,
        "links": links,
        "title": words.title(figures),
        "subject": words.subject(figures),
        "headline": words.headline(figures),
        "cycles_sentence": words.cycles_sentence(figures),
        "data_sentence": words.data_sentence(figures),
        "kept": words.kept(figures),
        "alt": ALT_TEXTS,
        "shown_gaps": SHOWN_GAPS,
    }


def _json(figures: Figures, subject: str) -> str:
    """Return the headline for programs: money as text with all of its digits."""
    summary = {} if figures.summary is None else {name: _plain(value) for name, value in figures.summary.items()}
    content = {
        "from": figures.period.first.isoformat(),
        "to": figures.period.last.isoformat(),
        "edition": "final" if figures.is_final else "so_far",
        "subject": subject,
        "summary": summary,
    }
    return json.dumps(content, indent=2) + "\n"


def _plain(value: object) -> object:
    return value if isinstance(value, int | str | None) else str(value)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("arb_pipeline.report", "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = ("money", "amount", "size", "count", "percent", "bps", "duration", "clock_time", "moment", "plain")
    for name in (*filters, "market", "bucket", "cycle"):
        environment.filters[name] = getattr(words, name)
    return environment
