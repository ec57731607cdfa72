"""Make the dbt manifest that the code location loads: ``python -m arb_pipeline.manifest``, at install and in CI.

Loading the code location must not parse the project: every run is a new process, and parsing takes 9 s.
"""

import os
import subprocess
import sys
from pathlib import Path

from arb_pipeline.dbt_files import dbt_program, manifest_path, project_folder

_SOURCES = ("*.sql", "*.yml", "*.csv")


def is_current(project: Path, manifest: Path) -> bool:
    """Return whether the manifest is newer than everything that it was made from."""
    if not manifest.is_file():
        return False
    target = project / "target"
    newest = max(
        path.stat().st_mtime_ns for pattern in _SOURCES for path in project.rglob(pattern) if target not in path.parents
    )
    return manifest.stat().st_mtime_ns >= newest


def build() -> Path:
    """Parse the project and return the manifest. Raises subprocess.CalledProcessError when dbt refuses."""
    project, manifest = project_folder(), manifest_path()
    if is_current(project, manifest):
        return manifest
    command = [str(dbt_program()), "--quiet", "parse", "--no-partial-parse"]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(manifest.parent)]
    logs = ["--log-path", str(manifest.parent)]
    environment = {"ARB_DATA_DIR": "data", **os.environ}
    subprocess.run([*command, *folders, *logs], check=True, env=environment)  # noqa: S603  (our own arguments)
    return manifest


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
