"""Errors of the pipeline's own; the record's errors are the worker's.

WorkerError
└── PipelineError          any error of the pipeline
    └── ReplayError        an hour cannot be replayed from its record
"""

from streaming_worker.errors import WorkerError


class PipelineError(WorkerError):
    """Any error of the pipeline."""


class ReplayError(PipelineError):
    """An hour cannot be replayed from its record."""
