"""The console is found where it was built, and nowhere else."""

from pathlib import Path

from streaming_worker.operations.console import console_dist


def test_the_folder_that_is_named_holds_the_page() -> None:
    folder = console_dist()
    built = Path(__file__).resolve().parents[3] / "streaming_worker" / "console" / "dist" / "index.html"
    assert (folder is not None) == built.is_file()
    if folder is not None:
        assert (folder / "index.html").samefile(built)
