"""Composition root: the one place where the worker's parts are built and joined."""

from streaming_worker.app.past import HistoryReport, capture_synthetic_history
from streaming_worker.app.worker import run_worker

__all__ = ["HistoryReport", "capture_synthetic_history", "run_worker"]
