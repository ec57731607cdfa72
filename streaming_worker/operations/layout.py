"""Where the supervisor, Dagster and the demo's mail keep their files: all under the state folder."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming_worker.config import Config

# the kernel's limit for a socket's path is 108 bytes; the longest name below takes 20 of them
_LONGEST_SOCKET_FOLDER: Final = 80


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one installation."""

    config: Config

    @property
    def supervisor(self) -> Path:
        """The supervisor's own folder."""
        return self.config.paths.state / "supervisor"

    @property
    def supervisor_file(self) -> Path:
        """What the supervisor runs."""
        return self.supervisor / "supervisord.conf"

    @property
    def sockets(self) -> Path:
        """Folder of the local sockets; a long data folder moves it to the system's folder for temporary files."""
        if len(os.fsencode(self.supervisor)) <= _LONGEST_SOCKET_FOLDER:
            return self.supervisor
        name = hashlib.sha256(os.fsencode(self.supervisor)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"arb-{os.getuid()}-{name}"

    @property
    def control_socket(self) -> Path:
        """Where the supervisor takes commands."""
        return self.sockets / "supervisor.sock"

    @property
    def code_socket(self) -> Path:
        """Where the code location answers Dagster."""
        return self.sockets / "code.sock"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own records."""
        return self.config.paths.state / "dagster"

    @property
    def workspace_file(self) -> Path:
        """What tells Dagster where the code location answers."""
        return self.dagster_home / "workspace.yaml"

    @property
    def dagster_prepared(self) -> Path:
        """The mark that Dagster's databases were made."""
        return self.dagster_home / "prepared"

    @property
    def mail(self) -> Path:
        """Where the demo's mail sink keeps what it receives."""
        return self.config.paths.state / "mail"

    @property
    def market_state(self) -> Path:
        """Where the synthetic market stands when its captured past ends."""
        return self.config.paths.state / "market.json"

    def create(self) -> None:
        """Make the folders; the ones with sockets and secrets for their owner only."""
        self.config.paths.data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (self.config.paths.state, self.supervisor, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.config.paths.logs, self.dagster_home, self.mail):
            folder.mkdir(exist_ok=True)
