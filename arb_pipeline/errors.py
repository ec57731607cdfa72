"""Errors of the pipeline's own; the record's errors are the worker's.

WorkerError
└── PipelineError          any error of the pipeline
    ├── MailError          a mail was not taken
    └── ReplayError        an hour cannot be replayed from its record
"""

from streaming_worker.errors import WorkerError


class PipelineError(WorkerError):
    """Any error of the pipeline."""


class MailError(PipelineError):
    """A mail was not taken by its server."""


class ReplayError(PipelineError):
    """An hour cannot be replayed from its record."""
