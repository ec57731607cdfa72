"""Write docs/openapi.json, which clients are generated from, and docs/API.md, which people read, from the application.

Run as ``python -m streaming_worker.api.documents FOLDER``; a test holds both against the code.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.factory import build_services, create_app
from streaming_worker.api.stream import CODES, ROLE_OF_TOPIC
from streaming_worker.config import load_config

HEAD = """\
# API

Made from the application by `make api-docs`; do not edit. The machine's form is [openapi.json](openapi.json).

{description}
A browser logs in with `POST /api/v1/auth/login` and gets cookies; what changes something also needs the cookie
`arb_csrf` as header `X-CSRF-Token`. A program sends `"mode": "bearer"` and then `Authorization: Bearer TOKEN`, or an
API key in the same header. An access token holds 15 minutes; `POST /api/v1/auth/refresh` gives the next pair, once per
refresh token. Roles: viewer, operator, admin; each may do what the one before may. A key needs the scope too.

Limits a minute, by address and by login or key: 100 in general, 10 for controls, 200 for status, health, version and
metrics; by address 600 for pages, files of the console that are named by their content not counted.
`X-RateLimit-Limit`, `-Remaining` and `-Reset` say what is left; 429 comes with `Retry-After`.
"""
STREAM = """
## Stream

`GET /api/v1/stream` as WebSocket. The token comes with the cookie (then `Origin` must be ours) or as subprotocols
`arb.v1, bearer.TOKEN`; never in the address. Send `{"subscribe": ["books", "risk"]}`; every message is
`{"topic", "seq", "kind", "data"}` with kind `snapshot`, `delta`, `gap` (forget the topic, a snapshot follows),
`heartbeat` (every two seconds) or `error` (a topic that the role does not allow). `status`, `risk` and `inventory`
carry the whole object of their route, the others `{"items": [...]}` with rows as their list has them.
"""


def openapi_schema() -> dict[str, Any]:
    """Return the description of an application with the shipped settings."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(None, {"ARB_PROFILE": "demo", "ARB_DATA_DIR": folder})
        services = build_services(config, AnchoredClock())
        try:
            return create_app(services).openapi()
        finally:
            services.moments.close()
            services.desk.close()
            services.database.close()


def openapi_text(schema: dict[str, Any]) -> str:
    """Return the description as a file. The release stands in the package, so that a new one changes nothing here."""
    shown = {**schema, "info": {**schema["info"], "version": "1"}}
    return json.dumps(shown, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def markdown(schema: dict[str, Any]) -> str:
    """Return the description for people: every route by its group, with role, parameters and answer."""
    text = HEAD.format(description=schema["info"]["description"])
    groups: dict[str, list[str]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(_route(path, method, operation))
    for name in sorted(groups):
        text += f"\n## {name.capitalize()}\n\n| route | role | does | takes | answers |\n|---|---|---|---|---|\n"
        text += "".join(groups[name])
    text += STREAM + "\n| topic | role |\n|---|---|\n"
    text += "".join(f"| `{topic.value}` | {role.value} |\n" for topic, role in ROLE_OF_TOPIC.items())
    text += "\n| close code | why |\n|---|---|\n"
    return text + "".join(f"| {code} | {why.value} |\n" for why, code in CODES.items())


def _route(path: str, method: str, operation: dict[str, Any]) -> str:
    takes = [f"`{one['name']}`" for one in operation.get("parameters", ()) if one["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        takes.insert(0, f"body {_shape(body)}")
    does = operation.get("description", operation.get("summary", "")).replace("\n", " ").replace("|", "or")
    role = operation["x-role"] + (f", scope {operation['x-scope']}" if operation.get("x-scope") else "")
    return f"| `{method.upper()} {path}` | {role} | {does} | {', '.join(takes)} | {_answer(operation)} |\n"


def _answer(operation: dict[str, Any]) -> str:
    status = next((code for code in operation["responses"] if code.startswith("2")), None)
    if status is None:
        return "always refused"
    content = operation["responses"][status].get("content", {})
    if "application/json" in content and content["application/json"].get("schema"):
        return f"{status} {_shape(content['application/json']['schema'])}"
    return f"{status} {', '.join(media.partition(';')[0] for media in content)}".strip()


def _shape(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    names = [_shape(one) for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return " or ".join(names) or str(schema.get("type", ""))


def main(folder: Path) -> None:
    """Write both files."""
    schema = openapi_schema()
    (folder / "openapi.json").write_text(openapi_text(schema), encoding="utf-8")
    (folder / "API.md").write_text(markdown(schema), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
