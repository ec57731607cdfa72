"""The report's pictures, small enough to be read on a phone: money, time, latency, slippage. Floats only draw."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from io import BytesIO
from itertools import accumulate
from typing import Any, Final

from arb_pipeline.report import words
from arb_pipeline.report.figures import Figures

GAIN, LOSS, PLAN, LINE, TEXT, GRID = "#1a7f4b", "#b3261e", "#9aa1ab", "#1f4e8c", "#1c1f24", "#e6e8eb"
_SIZE: Final = (4.4, 3.1)
_DPI: Final = 200
_TICK_MINUTES: Final = (1, 5, 10, 15, 30, 60, 120, 240, 360, 1440, 2880, 7 * 1440, 30 * 1440, 90 * 1440)
_SETTINGS: Final = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": TEXT,
    "axes.edgecolor": "#c9ccd2",
    "axes.labelcolor": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}


def charts(figures: Figures) -> dict[str, bytes]:
    """Return PNGs by name, in the order in which they are shown; none for a period without data."""
    if figures.summary is None:
        return {}
    return {name: _picture(draw, figures) for name, draw in _CHARTS.items()}


def _picture(draw: Callable[[Any, Figures], None], figures: Figures) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure, figures)
        content = BytesIO()
        # Without the version note the same figures give the same bytes.
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _waterfall(figure: Any, figures: Figures) -> None:
    axes = figure.subplots()
    values = [float(line.realised) for line in figures.stack]
    ends = list(accumulate(values[:-1]))
    starts = [0.0, *ends[:-1], 0.0]
    places = range(len(values))
    colours = [LOSS if value < 0 else GAIN for value in values]
    axes.barh(places, values, left=starts, height=0.62, color=colours)
    for place, line in zip(places, figures.stack, strict=True):
        right = max(starts[place], starts[place] + values[place], 0.0)
        axes.annotate(
            words.money(line.realised), (right, place), xytext=(3, 0), textcoords="offset points", va="center", size=7.5
        )
    axes.set_yticks(places, [line.name for line in figures.stack])
    axes.invert_yaxis()
    axes.axvline(0, color=TEXT, linewidth=0.7)
    axes.margins(x=0.16)
    _finish(figure, axes, "Where the money went, USD", is_empty=not figures.has_trades)


def _curve(figure: Any, figures: Figures) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    times = [point.at for point in figures.curve]
    upper.step(times, [float(point.predicted) for point in figures.curve], color=PLAN, where="post", label="planned")
    upper.step(times, [float(point.realised) for point in figures.curve], color=LINE, where="post", label="realised")
    upper.axhline(0, color=TEXT, linewidth=0.7)
    falls = [float(point.drawdown) for point in figures.curve]
    lower.fill_between(times, falls, step="post", color=LOSS, alpha=0.35, linewidth=0)
    lower.set_ylabel("drawdown", fontsize=7.5)
    if figures.curve:
        upper.legend(frameon=False, fontsize=7.5, loc="best")
    ticks = time_ticks(times)
    form = "%H:%M" if figures.period.is_day else "%d %b"
    lower.set_xticks(ticks, [tick.strftime(form) for tick in ticks])
    _finish(figure, upper, "Result so far, USD (time in UTC)", is_empty=not figures.curve)
    _finish(figure, lower, "", is_empty=False)


def time_ticks(times: Sequence[datetime]) -> list[datetime]:
    """Return at most six round moments within a stretch of time, none for an empty one."""
    if not times:
        return []
    minutes = int((times[-1] - times[0]).total_seconds()) // 60
    step = next((step for step in _TICK_MINUTES if minutes < 6 * step), _TICK_MINUTES[-1])
    midnight = datetime.combine(times[0].date(), time(), times[0].tzinfo)
    first = math.ceil((times[0] - midnight) / timedelta(minutes=step))
    last = (times[-1] - midnight) // timedelta(minutes=step)
    return [midnight + timedelta(minutes=step * index) for index in range(first, last + 1)]


def _decay(figure: Any, figures: Figures) -> None:
    axes = figure.subplots()
    rungs = [row for row in figures.tables["decay"] if row["realised_edge_bps"] is not None]
    places = range(len(rungs))
    axes.plot(places, [float(row["predicted_edge_bps"]) for row in rungs], color=PLAN, linestyle="--", label="planned")
    axes.plot(
        places, [float(row["realised_edge_bps"]) for row in rungs], color=LINE, marker="o", ms=4, label="realised"
    )
    for place, row in zip(places, rungs, strict=True):
        if row["is_primary"]:
            axes.axvline(place, color=GRID, linewidth=8, zorder=0)
    axes.axhline(0, color=TEXT, linewidth=0.7)
    axes.set_xticks(places, [words.duration(row["latency_ns"]) for row in rungs])
    if rungs:
        axes.legend(frameon=False, fontsize=7.5, loc="best")
    _finish(figure, axes, "Net edge by latency, bps (the grey one counts)", is_empty=not rungs)


def _slippage(figure: Any, figures: Figures) -> None:
    axes = figure.subplots()
    classes = [row for row in figures.tables["slippage"] if row["realised_bps"] is not None]
    places = range(len(classes))
    for offset, column, colour, label in (
        (-0.2, "predicted_bps", PLAN, "planned"),
        (0.2, "realised_bps", LINE, "realised"),
    ):
        axes.bar([p + offset for p in places], [float(row[column]) for row in classes], 0.38, color=colour, label=label)
    axes.axhline(0, color=TEXT, linewidth=0.7)
    axes.set_xlim(-1, max(len(classes), 2))
    axes.set_xticks(
        places, [f"{row['venue']}\n{words.bucket(row['notional_bucket'])}" for row in classes], fontsize=7.5
    )
    if classes:
        axes.legend(frameon=False, fontsize=7.5, loc="best")
    _finish(figure, axes, "Slippage and impact by venue and size, bps", is_empty=not classes)


_CHARTS: Final[dict[str, Callable[[Any, Figures], None]]] = {
    "waterfall": _waterfall,
    "curve": _curve,
    "decay": _decay,
    "slippage": _slippage,
}
ALT_TEXTS: Final = {
    "waterfall": "Waterfall from gross edge over every cost to net, realised",
    "curve": "Cumulative result, planned and realised, with the drawdown below",
    "decay": "Net edge in basis points by latency, planned and realised",
    "slippage": "Slippage and price impact in basis points, planned and realised, by venue and size",
}


def _finish(figure: Any, axes: Any, title: str, *, is_empty: bool) -> None:
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=9.5, fontweight="bold")
    axes.tick_params(labelsize=7.5, length=2)
    axes.grid(axis="both", color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if is_empty:
        axes.text(0.5, 0.5, "no trades", transform=axes.transAxes, ha="center", va="center", color=PLAN)
