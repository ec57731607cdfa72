"""Where the built operator console lies: beside its sources, or inside the installed package."""

import importlib.resources
from pathlib import Path


def console_dist() -> Path | None:
    """Return the folder of the built console, None where it was not built (`make console`)."""
    folder = Path(str(importlib.resources.files("streaming_worker"))) / "console" / "dist"
    return folder if (folder / "index.html").is_file() else None
