"""Change the live file without making the writer wait: the next one is open before the swap, and the last one is
sealed on a thread of its own.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import LiveFile


class Rotation:
    """The current live file, the next one, and those on their way to be sealed.

    ``current`` and ``swap`` belong to the writer's thread. The first failure is reported and ends the thread; files
    that are still open then stay as they are, for the next start to recover.
    """

    def __init__(self, on_failure: Callable[[StorageError], None]) -> None:
        self.current_or_none: LiveFile | None = None
        self.sealed_count = 0
        self._on_failure = on_failure
        self._open_file: Callable[[], LiveFile]
        self._next: LiveFile | None = None
        self._open: list[LiveFile] = []
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="arb-sink-segments", daemon=True)

    @property
    def current(self) -> LiveFile:
        """The file to write to. Raises StorageError before ``start``."""
        if self.current_or_none is None:
            raise StorageError("no live file is open: the sink was not started")
        return self.current_or_none

    def start(self, open_file: Callable[[], LiveFile]) -> None:
        """Open the first live file, and start the thread, which opens the next at once. Raises StorageError."""
        self._open_file = open_file
        self.current_or_none = open_file()
        self._open.append(self.current_or_none)
        self._thread.start()
        self._tasks.put(self._prepare)

    def swap(self) -> bool:
        """Make the next file the current one and send the old one to be sealed; False while none is ready."""
        if self._next is None:
            return False
        old, self.current_or_none, self._next = self.current, self._next, None
        self._tasks.put(self._prepare)
        self._tasks.put(lambda: self._close(old))
        return True

    def finish(self, timeout_s: float) -> bool:
        """Seal what has rows, remove what has none, and end the thread; False when it did not end in time."""
        self._tasks.put(lambda: self._close(self.current))
        self._tasks.put(self._remove_next)
        return self.join(timeout_s)

    def join(self, timeout_s: float) -> bool:
        """End the thread after what it has to do; False when it did not end in time."""
        self._tasks.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Close what a failure left open, as it is. Only after the thread has ended."""
        self.current_or_none = None
        while self._open:
            self._open.pop().abandon()

    def _run(self) -> None:
        ended = StorageError("the segment thread ended on a defect")
        try:
            while (task := self._tasks.get()) is not None:
                task()
            return
        except StorageError as e:
            ended = e
        finally:
            if task is not None:
                self._on_failure(ended)

    def _prepare(self) -> None:
        opened = self._open_file()
        self._open.append(opened)
        self._next = opened

    def _close(self, file: LiveFile) -> None:
        if file.row_count:
            file.seal()
            self.sealed_count += 1
        else:
            file.discard()
        self._open.remove(file)

    def _remove_next(self) -> None:
        if self._next is not None:
            self._next.discard()
            self._open.remove(self._next)
            self._next = None
