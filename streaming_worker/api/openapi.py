"""The description that clients are generated from: ways to log in, the role of each route, the errors of each."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from streaming_worker.api.schemas.base import ErrorBody
from streaming_worker.api.security import ACCESS_COOKIE, CSRF_HEADER, Rule, rule_of

DESCRIPTION: Final = """\
What arb-platform sees, simulates and proves. It observes only: nothing here places an order.

Money, prices and sizes are decimal text; times are ISO 8601 in UTC, exact nanoseconds text that ends in `_ns`. Ranges
are half open, `[from, to)`. Lists page by `cursor`. Every error has one shape with a code and the request's id.
"""
_TOLD: Final = {
    401: "nobody is logged in, or the token or key does not hold",
    403: "the role or scope does not allow it, or the CSRF token is missing",
    422: "the request does not fit",
    429: "too many requests; Retry-After says when to come back",
    503: "the worker, the record or the state does not answer now",
}
_COMMON: Final = {
    400: "the request cannot be read",
    404: "there is no such thing",
    405: "not this way",
    409: "it is not as this expects",
    413: "the body is too long",
}
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def complete(app: FastAPI) -> None:
    """Make the application describe itself fully; made once, when somebody asks."""
    make = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = make()
            _add_schemes(schema)
            for route in app.routes:
                if isinstance(route, APIRoute):
                    _add_route(schema, route)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _add_schemes(schema: dict[str, Any]) -> None:
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "cookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE, "description": "a browser's login"},
        "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER.title(), "description": "cookie arb_csrf"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "an access token or an API key"},
    }
    error = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes = components.setdefault("schemas", {})
    shapes.update(error.pop("$defs", {}))
    shapes["ErrorBody"] = error
    shapes.pop("HTTPValidationError", None)
    shapes.pop("ValidationError", None)


def _add_route(schema: dict[str, Any], route: APIRoute) -> None:
    rule = rule_of(route)
    assert rule is not None
    for method in route.methods or ():
        operation = schema["paths"].get(route.path_format, {}).get(method.lower())
        if operation is None:
            continue
        operation["operationId"] = route.name
        operation["x-role"] = "public" if rule.role is None else rule.role.value
        if rule.scope is not None:
            operation["x-scope"] = rule.scope.value
        operation["security"] = _security(rule, method)
        for status, description in _TOLD.items():
            known = operation["responses"].get(str(status), {})
            operation["responses"][str(status)] = _error(known.get("description") or description) | (
                known if status == 503 else {}
            )
        for status in operation["responses"]:
            if status.startswith("4") and int(status) not in _TOLD:
                operation["responses"][status] = _error(operation["responses"][status].get("description", "refused"))
        _add_common(operation)


def _add_common(operation: dict[str, Any]) -> None:
    for status, description in _COMMON.items():
        operation["responses"].setdefault(str(status), _error(description))


def _security(rule: Rule, method: str) -> list[dict[str, list[str]]]:
    if rule.role is None:
        return []
    cookie: dict[str, list[str]] = {"cookie": [], "csrf": []} if method in _UNSAFE else {"cookie": []}
    return [cookie, {"bearer": []}, *([{}] if rule.is_local_enough else [])]


def _error(description: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/ErrorBody"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}
