"""The whole exception tree.

WorkerError
├── ConfigError            a setting is missing, unknown or out of range (exit code 2)
├── FeedError              a venue said something that cannot be used
│   ├── FeedFormatError    bytes that are not what the venue documents; goes to dead_letter
│   ├── SequenceGapError   the venue's own numbering shows a loss
│   ├── StaleBookError     a book is too old to be used where a live one is required
│   └── TransportError     a venue cannot be reached, or the connection to it is gone
├── MathRangeError         an exact result does not fit the type the chain or venue gives it
├── StorageError           the record cannot be written or read
├── DeliveryError          a message was not taken by its channel
│   └── MailError          a mail was not taken by its server
├── OperationError         a process cannot be started, reached or stopped on this machine (exit code 3)
├── AuthError              who asks may not
└── RequestRefused         a request to the API that cannot be served as it is

Errors carry data as attributes as well as text. Messages never contain a secret.
An expected "no" is not an exception: it is a Rejection or a SwapRefusal.
"""


class WorkerError(Exception):
    """Any error of ours; everything else is a defect."""


class ConfigError(WorkerError):
    """A setting that cannot be used; ``key`` names it."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class FeedError(WorkerError):
    """A venue's message that cannot be used."""


class FeedFormatError(FeedError):
    """Bytes that are not what the venue documents.

    ``instrument`` is None unless only one book is in doubt; ``is_harmless`` where none is (a trade, a check).
    """

    def __init__(self, message: str, *, instrument: str | None = None, is_harmless: bool = False) -> None:
        super().__init__(message)
        self.instrument = instrument
        self.is_harmless = is_harmless


class SequenceGapError(FeedError):
    """The venue's numbering shows a loss between ``expected`` and ``received``."""

    def __init__(self, message: str, *, expected: int, received: int) -> None:
        super().__init__(message)
        self.expected = expected
        self.received = received


class StaleBookError(FeedError):
    """A book older than its use allows."""


class TransportError(FeedError):
    """A venue that cannot be reached or a connection that is gone; never holds a URL, which may hold a key.

    ``retry_after_s`` is how long the venue wants to be left alone, where it said so.
    """

    def __init__(
        self, message: str, *, host: str, close_code: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.host = host
        self.close_code = close_code
        self.retry_after_s = retry_after_s


class MathRangeError(WorkerError):
    """An exact result outside its on-chain type; ``program_code`` is the program's error number where it has one."""

    def __init__(self, message: str, *, program_code: int | None = None) -> None:
        super().__init__(message)
        self.program_code = program_code


class StorageError(WorkerError):
    """The record cannot be written or read; ``path`` names the file where known."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class DeliveryError(WorkerError):
    """A message that its channel did not take; never holds a secret."""


class MailError(DeliveryError):
    """A mail that its server did not take."""


class OperationError(WorkerError):
    """A process cannot be started, reached or stopped; ``hint`` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class AuthError(WorkerError):
    """Who asks may not do what is asked."""


class RequestRefused(WorkerError):  # noqa: N818 - it is an answer, and most often no error of ours
    """An answer that is not what was asked for: ``status`` of HTTP, ``code`` for programs, ``headers`` to send."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.details = details


def first_cause(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error to report of many: a defect before a lost connection, for the one often causes the other."""
    flat = [first_cause(error) if isinstance(error, BaseExceptionGroup) else error for error in failures.exceptions]
    return next((error for error in flat if not isinstance(error, TransportError)), flat[0])
