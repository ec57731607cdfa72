"""Dagster's instance settings and workspace, written anew at each start."""

from importlib.resources import files
from typing import Final

from streaming_worker.operations.layout import Layout
from streaming_worker.operations.programs import CODE_LOCATION

TEMPLATE: Final = "dagster.yaml"


def write_dagster_home(layout: Layout) -> None:
    """Write dagster.yaml and workspace.yaml into Dagster's home."""
    settings = files("streaming_worker.operations").joinpath(TEMPLATE).read_text(encoding="utf-8")
    (layout.dagster_home / "dagster.yaml").write_text(settings, encoding="utf-8")
    layout.workspace_file.write_text(
        f'load_from:\n  - grpc_server:\n      socket: "{layout.code_socket}"\n      location_name: {CODE_LOCATION}\n',
        encoding="utf-8",
    )
