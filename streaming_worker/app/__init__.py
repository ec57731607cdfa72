"""Composition root: the one place where the worker's parts are built and joined."""

from streaming_worker.app.feeds import Tuning
from streaming_worker.app.paced import PacedReport, fold_paced, percentile_us, tape
from streaming_worker.app.past import HistoryReport, capture_synthetic_history
from streaming_worker.app.worker import RunReport, run_worker, status_file

__all__ = [
    "HistoryReport",
    "PacedReport",
    "RunReport",
    "Tuning",
    "capture_synthetic_history",
    "fold_paced",
    "percentile_us",
    "run_worker",
    "status_file",
    "tape",
]
