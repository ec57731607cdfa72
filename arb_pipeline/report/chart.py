"""The report's one picture: where the money went, and how it came. Floats are for drawing only."""

from io import BytesIO
from typing import Any

from arb_pipeline.report.figures import DayFigures

_GAIN, _LOSS, _PLAN, _AXIS = "#1a7f4b", "#b3261e", "#8a8f98", "#333333"


def chart_png(figures: DayFigures) -> bytes:
    """Return a PNG: the waterfall of costs (planned and realised) and the cumulative result of the day."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _waterfall(left, figures)
    _curve(right, figures)
    content = BytesIO()
    # Without the version note the same figures give the same bytes.
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _waterfall(axes: Any, figures: DayFigures) -> None:
    names = [line.name for line in figures.stack]
    realised = [float(line.realised) for line in figures.stack]
    places = range(len(names))
    axes.barh([p - 0.2 for p in places], [float(line.predicted) for line in figures.stack], height=0.38, color=_PLAN)
    axes.barh([p + 0.2 for p in places], realised, height=0.38, color=[_LOSS if v < 0 else _GAIN for v in realised])
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.axvline(0, color=_AXIS, linewidth=0.6)
    _finish(axes, "USD: planned (grey) and realised", is_empty=not figures.has_trades)


def _curve(axes: Any, figures: DayFigures) -> None:
    from matplotlib.dates import DateFormatter

    times = [moment for moment, _, _ in figures.curve]
    axes.step(times, [float(predicted) for _, _, predicted in figures.curve], color=_PLAN, where="post")
    axes.step(times, [float(realised) for _, realised, _ in figures.curve], color=_AXIS, where="post")
    axes.axhline(0, color=_AXIS, linewidth=0.6)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    _finish(axes, "cumulative USD over the day (UTC): planned (grey) and realised", is_empty=not figures.curve)


def _finish(axes: Any, title: str, *, is_empty: bool) -> None:
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if is_empty:
        axes.text(0.5, 0.5, "no trades", transform=axes.transAxes, ha="center", va="center", color=_PLAN)
