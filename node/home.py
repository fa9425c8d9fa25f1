"""A node's state directory: which one, and what lies where in it.

It is `--home`, else `CONSILIENCE_HOME`, else the platform's place for state (on Linux
`~/.local/state/consilience`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Home", "find_home"]

_HOME = "CONSILIENCE_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """A node's state directory and what lies where in it."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def identity(self) -> Path:
        return self.path / "identity.key"

    @property
    def store(self) -> Path:
        return self.path / "records.db"

    @property
    def boards(self) -> Path:
        """What the records add up to: a cache."""
        return self.path / "boards.db"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def api(self) -> Path:
        """Where the running daemon writes its address and token."""
        return self.path / "api.json"

    @property
    def peers(self) -> Path:
        """The address book: peers that were met."""
        return self.path / "peers.json"

    @property
    def lock(self) -> Path:
        """Held by the daemon for as long as it runs."""
        return self.path / "daemon.lock"

    @property
    def refused(self) -> Path:
        """Authors whose records this node leaves out."""
        return self.path / "refused.txt"

    @property
    def paused(self) -> Path:
        """There while somebody has paused the agent."""
        return self.path / "agent.paused"

    @property
    def notebook(self) -> Path:
        """What the agent remembers beyond the records."""
        return self.path / "notebook.db"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def log(self) -> Path:
        """What the daemon logs now; older files carry `.1` to `.4`."""
        return self.logs / "daemon.jsonl"


def find_home(flag: str | None, environ: Mapping[str, str]) -> Home:
    """The state directory that flag, environment or platform names; it need not exist."""
    chosen = flag or environ.get(_HOME)
    if chosen:
        return Home(Path(chosen).expanduser().absolute())
    import platformdirs  # 20 ms of CPU, for nothing where the directory is named

    return Home(platformdirs.user_state_path("consilience"))
