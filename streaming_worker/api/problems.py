"""Errors in their one shape, with a code and the request's id; what went wrong inside is logged, never sent."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from streaming_worker.errors import RequestRefused, StorageError

_LOG: Final = structlog.get_logger("api")
_CODES: Final = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_type",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}


def error_body(code: str, message: str, request_id: str, details: object = None) -> dict[str, Any]:
    """Return the JSON of an error."""
    error: dict[str, Any] = {"code": code, "message": message, "request_id": request_id}
    return {"error": error if details is None else error | {"details": details}}


def request_id_of(request: Request) -> str:
    """Return the id that the edge has given to a request."""
    return str(request.scope.get("state", {}).get("request_id", "-"))


def add_handlers(app: FastAPI) -> None:
    """Answer every kind of error in the one shape."""
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StorageError, _storage)
    app.add_exception_handler(TimeoutError, _timeout)
    app.add_exception_handler(Exception, _defect)


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    details: object = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = error_body(code, message, request_id_of(request), details)
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestRefused)
    return _answer(
        request, error.status, error.code, str(error), details=error.details, headers=_challenge(error.status, error)
    )


def _challenge(status: int, error: RequestRefused) -> dict[str, str]:
    return error.headers | ({"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {})


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The input is left out: it may be a password.
    found = [{"where": [str(part) for part in one["loc"]], "what": str(one["msg"])} for one in error.errors()]
    return _answer(request, 422, "invalid", "the request does not fit", details=found)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "error")
    return _answer(request, error.status_code, code, str(error.detail), headers=error.headers)


async def _storage(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("storage_failed", error=str(error), request_id=request_id_of(request))
    return _answer(request, 503, "storage", "the record or the state cannot be read now; try again")


async def _timeout(request: Request, error: Exception) -> JSONResponse:
    _LOG.warning("too_slow", error=str(error), request_id=request_id_of(request))
    return _answer(request, 503, "too_slow", "this takes too long; ask for a shorter range")


async def _defect(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("defect", error=repr(error), request_id=request_id_of(request))
    return _answer(request, 500, "internal", "something is wrong here; the log has it under this request id")
