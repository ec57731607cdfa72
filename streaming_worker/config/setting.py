"""What a setting is: its key, the values it takes, and how to say so to a person."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

Value: TypeAlias = str | int | bool | tuple[str, ...] | tuple[int, ...] | None


class Kind(Enum):
    """What a value looks like in TOML."""

    TEXT = auto()
    NAME = auto()
    URL = auto()
    INTEGER = auto()
    DECIMAL = auto()
    FLAG = auto()
    TEXTS = auto()
    INTEGERS = auto()


_WORDS: Final[dict[Kind, str]] = {
    Kind.TEXT: "text",
    Kind.NAME: "a name of 1 to 40 characters out of a-z, 0-9, - and _",
    Kind.URL: "a URL with ws, wss, http or https",
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: 'a decimal as text, as in "10.5"',
    Kind.FLAG: "true or false",
    Kind.TEXTS: "a list of texts",
    Kind.INTEGERS: "a list of whole numbers",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    ``env_name`` is given only where the variable is not ``ARB_<SECTION>_<NAME>``. ``default`` counts where
    ``required`` is false. ``secret``: never in a file of settings, only in the environment or in a file of mode 0600
    named by ``<env>_FILE``. A DECIMAL becomes an integer scaled by ten to the power ``digits``.
    """

    key: str
    kind: Kind
    doc: str
    required: bool = False
    default: Value = None
    env_name: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    digits: int = 8
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def env(self) -> str | None:
        """Return the variable that sets it; settings of repeated tables have none."""
        if "[]" in self.key:
            return None
        return self.env_name or "ARB_" + self.key.replace(".", "_").upper()

    @property
    def section(self) -> str:
        """Return the table that holds it: ``capture`` or ``feeds[]``; empty at the top."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Return the last part of the key."""
        return self.key.rpartition(".")[2]

    @property
    def allowed(self) -> str:
        """Say in words which values are accepted."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return _WORDS[self.kind] + self._range()

    def _range(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f" from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f" of at least {self.minimum}"
        return ""
