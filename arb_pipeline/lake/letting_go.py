"""Delete what the rules of retention let go: from the manifest first, then from the disk.

A crash in between leaves files that the manifest does not name; the next compaction removes them.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.layout import LakeLayout
from streaming_worker.errors import StorageError
from streaming_worker.storage.retention import Kind, Removal
from streaming_worker.storage.segments import sealed_folder


def let_go(data_dir: Path, layout: LakeLayout, removals: Iterable[Removal], *, now_ns: int) -> int:
    """Delete; return how many bytes that freed. Raises StorageError when the disk refuses."""
    chosen = list(removals)
    by_kind = {kind: [removal.path for removal in chosen if removal.kind is kind] for kind in Kind}
    catalogue = Catalogue(layout.catalogue)
    try:
        catalogue.forget_files(by_kind[Kind.LAKE_FILE])
        for path in by_kind[Kind.LAKE_FILE]:
            _unlink_in_lake(layout.root / path)
        segments = [(worker, name) for worker, _, name in (path.partition("/") for path in by_kind[Kind.SEGMENT])]
        for worker, name in segments:
            (sealed_folder(data_dir, worker) / f"{name}.duckdb").unlink(missing_ok=True)
        catalogue.mark_removed(segments, now_ns=now_ns)
        for day in by_kind[Kind.REPORT]:
            shutil.rmtree(data_dir / "reports" / day)
    except OSError as e:
        raise StorageError(f"cannot delete what is no longer kept: {e}", path=str(e.filename)) from e
    return sum(removal.size for removal in chosen)


def _unlink_in_lake(path: Path) -> None:
    """Delete a file, and the folders of its hour and day once they are empty."""
    path.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
