"""Bring a backup back into a data folder that is empty or not there; it appears whole or not at all."""

import os
import shutil
from pathlib import Path

from streaming_worker.errors import StorageError
from streaming_worker.storage.backup_store import Backup, BackupStore, SavedFile, Step, copy_errors, copy_hashed
from streaming_worker.storage.worker_files import FOLDER_MODE, sync_folder


def restore(store: BackupStore, name: str, data_dir: Path, *, progress: Step = lambda *_: None) -> Backup:
    """Write one backup; every file is compared with its hash.

    Raises: StorageError when the folder holds something, or a stored file is not as it was.
    """
    backup = store.load(name)
    building = data_dir.with_name(f".{data_dir.name}.restoring")
    with copy_errors(building):
        if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
            raise StorageError(f"expected an empty folder to restore into, found {data_dir} in use", path=str(data_dir))
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=FOLDER_MODE, parents=True)
        for number, file in enumerate(backup.files, start=1):
            progress("files", number, len(backup.files))
            _restore_file(store, file, building / file.name)
        os.sync()
        if data_dir.exists():
            data_dir.rmdir()
        building.rename(data_dir)
        sync_folder(data_dir.parent)
    return backup


def _restore_file(store: BackupStore, file: SavedFile, target: Path) -> None:
    missing = [folder for folder in target.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE)
    digest, _ = copy_hashed(store.object(file.sha256), target)
    if digest != file.sha256:
        raise StorageError(f"{file.name}: expected sha256 {file.sha256[:16]}, found {digest[:16]} in the backup")
    target.chmod(file.mode)
    os.utime(target, ns=(file.changed_ns, file.changed_ns))
