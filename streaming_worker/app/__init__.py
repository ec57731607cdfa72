"""Composition root: the one place where the worker's parts are built and joined."""

from streaming_worker.app.feeds import Tuning
from streaming_worker.app.past import HistoryReport, capture_synthetic_history
from streaming_worker.app.worker import RunReport, run_worker, status_file

__all__ = ["HistoryReport", "RunReport", "Tuning", "capture_synthetic_history", "run_worker", "status_file"]
