"""A local mail server for the demo: takes every mail and keeps it as one file; sends nothing anywhere.

File names count up (``00001.eml``), so that the order of arrival is the order of the names.
"""

import argparse
import signal
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class MailFolder:
    """Stores what arrives; the name appears only when the whole mail is on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep one mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        path = self._folder / f"{self._last_number() + 1:05d}.eml"
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
        return f"250 OK: {path.name}"

    def _last_number(self) -> int:
        return max((int(path.stem) for path in self._folder.glob("*.eml") if path.stem.isdigit()), default=0)


def controller(host: str, port: int, folder: Path) -> Controller:
    """Return a server that is not yet started; ``start`` and ``stop`` it."""
    return Controller(MailFolder(folder), hostname=host, port=port, data_size_limit=MAX_MESSAGE_BYTES)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Keep every mail as a file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    server = controller(arguments.host, arguments.port, arguments.folder)
    server.start()
    try:
        stopping.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
