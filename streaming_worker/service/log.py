"""One event per line, JSON or console, on one stream; what could be a secret never reaches it.

The libraries' own loggers go through the same door, and those that write URLs (which hold RPC keys) are kept quiet.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog

LogFormat = Literal["json", "console"]
REDACTED: Final = "[redacted]"
_SECRET_NAME: Final = re.compile(
    r"(?i)(pass(word|phrase|wd)?|secret|token|api[-_]?key|routing[-_]?key|authorization|cookie|credential|private)"
)
_SECRET_IN_TEXT: Final = re.compile(
    r"""(?ix)
    ((?:api[-_]?key|access[-_]?key|key|token|secret|password|auth)=)[^&\s"']+  # in a query
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                                         # user and password of a URL
    | ((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}                              # in a header
    | (hooks\.slack\.com/)[^\s"']+                                            # an address that is a key itself
    | eyJ[\w-]+\.[\w-]+\.[\w-]*                                               # a signed token
    """
)
_QUIET_LIBRARIES: Final = ("httpx", "httpcore", "websockets", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")


def configure(*, level: str = "INFO", form: LogFormat = "json", stream: TextIO | None = None) -> None:
    """Set up logging for the process: structured events and the libraries' warnings, one line each."""
    output = sys.stderr if stream is None else stream
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        redact,
        _one_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form, output)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET_LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace values under a secret's name, and secrets inside any text or nested value."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: object) -> object:
    if _SECRET_NAME.search(name) and value is not None:
        return REDACTED
    if isinstance(value, str):
        return _SECRET_IN_TEXT.sub(lambda match: f"{match[1] or match[2] or match[3] or ''}{REDACTED}", value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value


def _one_line(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A traceback or a message with line breaks stays one event on one line."""
    # The console renderer gives the name "exception" lines of its own.
    return {("trace" if name == "exception" else name): _joined(value) for name, value in event.items()}


def _joined(value: object) -> object:
    if not isinstance(value, str) or "\n" not in value:
        return value
    return " | ".join(line.strip() for line in value.splitlines() if line.strip())


def _renderer(form: LogFormat, output: TextIO) -> structlog.typing.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=False)
    return structlog.dev.ConsoleRenderer(colors=output.isatty(), sort_keys=False)
