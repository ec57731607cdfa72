"""The report as files: HTML, text, picture and table, the same content in each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import jinja2

from arb_pipeline.report import words
from arb_pipeline.report.chart import chart_png
from arb_pipeline.report.figures import DayFigures, day_figures, trades_csv

HTML_FILE: Final = "report.html"
TEXT_FILE: Final = "report.txt"
CHART_FILE: Final = "report.png"
CSV_FILE: Final = "trades.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A finished report. ``html`` shows the picture from ``chart_source``."""

    figures: DayFigures
    subject: str
    text: str
    chart: bytes
    csv: str

    def html(self, *, chart_source: str) -> str:
        """Return the HTML with the picture taken from a file name or a content id."""
        return _environment().get_template("daily.html.j2").render(**_values(self.figures), chart_source=chart_source)

    def write(self, folder: Path) -> None:
        """Put every file into a folder; each replaces the one before in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / HTML_FILE, self.html(chart_source=CHART_FILE).encode())
        _replace(folder / TEXT_FILE, self.text.encode())
        _replace(folder / CHART_FILE, self.chart)
        _replace(folder / CSV_FILE, self.csv.encode())


def make_report(connection: duckdb.DuckDBPyConnection, day: str, *, is_final: bool) -> ReportDocument:
    """Make a day's report from the published file."""
    figures = day_figures(connection, day, is_final=is_final)
    return ReportDocument(
        figures=figures,
        subject=words.subject(figures),
        text=_environment().get_template("daily.txt.j2").render(**_values(figures)),
        chart=chart_png(figures),
        csv=trades_csv(connection, day),
    )


def _values(figures: DayFigures) -> dict[str, object]:
    return {
        "f": figures,
        "s": figures.summary,
        "subject": words.subject(figures),
        "headline": words.headline(figures),
        "data_sentence": words.data_sentence(figures),
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("arb_pipeline.report", "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    for name in ("money", "amount", "count", "percent", "bps", "duration", "clock_time"):
        environment.filters[name] = getattr(words, name)
    return environment


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
