"""What clients and people read about the API is what the code does."""

from pathlib import Path

from streaming_worker.api.documents import markdown, openapi_schema, openapi_text


def test_the_described_api_is_the_one_that_runs(repository: Path) -> None:
    schema = openapi_schema()
    told = "run: make api-docs"
    assert (repository / "docs" / "openapi.json").read_text(encoding="utf-8") == openapi_text(schema), told
    assert (repository / "docs" / "API.md").read_text(encoding="utf-8") == markdown(schema), told


def test_every_route_describes_itself() -> None:
    for path, operations in openapi_schema()["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["description"], where
            assert operation["x-role"] in ("public", "viewer", "operator", "admin"), where
            error = operation["responses"]["429"]["content"]["application/json"]["schema"]
            assert error == {"$ref": "#/components/schemas/ErrorBody"}, where
