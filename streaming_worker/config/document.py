"""Where values come from: profile, then file, then environment; the later one wins. Result: every setting, checked.

A repeated table (``[[feeds]]``) of a file replaces the profile's as a whole; single settings replace one by one.
"""

import stat
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeAlias

from streaming_worker.config.check import checked, from_environment
from streaming_worker.config.setting import Setting, Value
from streaming_worker.config.settings import FILE_ENV, PROFILE_ENV, PROFILES, SETTINGS
from streaming_worker.errors import ConfigError

Row: TypeAlias = dict[str, Value]

_SECTIONS: Final[dict[str, dict[str, Setting]]] = {}
for _setting in SETTINGS:
    _SECTIONS.setdefault(_setting.section, {})[_setting.name] = _setting
_TABLES: Final = tuple(name.removesuffix("[]") for name in _SECTIONS if name.endswith("[]"))
_TOP: Final = sorted({name.removesuffix("[]") for name in _SECTIONS if name} | set(_SECTIONS[""]))


class Document:
    """Checked values by key; ``rows`` are the repeated tables, ``added_fees`` lines of the state beside them."""

    def __init__(self, *, profile: str) -> None:
        self.values: Row = {"profile": profile}
        self.rows: dict[str, list[Row]] = {name: [] for name in _TABLES}
        self.added_fees: list[Row] = []

    def text(self, key: str) -> str:
        """Return a setting that is text."""
        value = self.values[key]
        assert isinstance(value, str), key
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a setting that is text or not set."""
        return None if self.values[key] is None else self.text(key)

    def integer(self, key: str) -> int:
        """Return a whole number, or a decimal as its scaled integer."""
        value = self.values[key]
        assert isinstance(value, int), key
        return value


def read_document(path: Path | None, environ: Mapping[str, str]) -> Document:
    """Merge and check everything. Raises ConfigError in one line."""
    file = path if path is not None else _path_of(environ)
    own = {} if file is None else _parsed(file)
    label = "" if file is None else f"{file}: "
    profile = _profile(own, environ, label)
    document = Document(profile=profile)
    shipped = files("streaming_worker").joinpath("profiles", f"{profile}.toml").read_text(encoding="utf-8")
    _apply(document, tomllib.loads(shipped), f"profile {profile}: ")
    _apply(document, own, label)
    _apply_environment(document, environ)
    for setting in SETTINGS:
        if setting.env is not None and setting.key not in document.values:
            document.values[setting.key] = _default(setting)
    return document


def table_of(name: str, path: Path) -> list[Row]:
    """Return one repeated table of a file that holds nothing else, checked. Raises ConfigError."""
    content = _parsed(path)
    for key in content:
        if key != name:
            _refuse_unknown(key, [name], f"{path}: ")
    return _rows(name, content.get(name, []), f"{path}: ")


def _path_of(environ: Mapping[str, str]) -> Path | None:
    text = environ.get(FILE_ENV)
    return Path(text) if text else None


def _parsed(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(
            f"{path}: cannot be read: {e.strerror}; expected a TOML file of settings", key=FILE_ENV
        ) from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: expected TOML: {e}", key=FILE_ENV) from e


def _profile(own: Mapping[str, object], environ: Mapping[str, str], label: str) -> str:
    setting = _SECTIONS[""]["profile"]
    if environ.get(PROFILE_ENV):
        value = checked(setting, environ[PROFILE_ENV], where=PROFILE_ENV)
    else:
        value = checked(setting, own.get("profile", setting.default), where=f"{label}profile")
    assert value in PROFILES
    return str(value)


def _apply(document: Document, data: Mapping[str, object], label: str) -> None:
    for name, content in data.items():
        if name in _TABLES:
            document.rows[name] = _rows(name, content, label)
        elif name in _SECTIONS:
            if not isinstance(content, dict):
                raise ConfigError(
                    f"{label}{name}: expected a table, as in [{name}], received {content!r:.80}", key=name
                )
            for key, value in _section(name, content, label).items():
                document.values[f"{name}.{key}"] = value
        elif name != "profile":
            _refuse_unknown(name, _TOP, label)


def _rows(name: str, content: object, label: str) -> list[Row]:
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise ConfigError(f"{label}{name}: expected repeated tables, as in [[{name}]]", key=name)
    rows = []
    for index, item in enumerate(content):
        row = _section(f"{name}[]", item, label, shown=f"{name}[{index}]")
        for setting in _SECTIONS[f"{name}[]"].values():
            if setting.name not in row:
                row[setting.name] = _default(setting, where=f"{label}{name}[{index}].{setting.name}")
        rows.append(row)
    return rows


def _section(name: str, content: Mapping[str, object], label: str, shown: str | None = None) -> Row:
    shown = shown or name
    known = _SECTIONS[name]
    row: Row = {}
    for key, raw in content.items():
        if key not in known:
            _refuse_unknown(f"{shown}.{key}", sorted(known), label)
        if known[key].secret:
            raise ConfigError(
                f"{label}{shown}.{key}: a secret must not stand in a file of settings; "
                f"set {known[key].env}, or {known[key].env}_FILE to a file of mode 0600",
                key=known[key].key,
            )
        row[key] = checked(known[key], raw, where=f"{label}{shown}.{key}")
    return row


def _refuse_unknown(key: str, allowed: list[str], label: str) -> None:
    raise ConfigError(f"{label}unknown key {key}; allowed: {', '.join(allowed)}", key=key)


def _default(setting: Setting, *, where: str = "") -> Value:
    if setting.required:
        raise ConfigError(f"{where}: missing; expected {setting.allowed}", key=setting.key)
    if setting.default is None:
        return None
    return checked(setting, setting.default, where=setting.key)


def _apply_environment(document: Document, environ: Mapping[str, str]) -> None:
    for setting in SETTINGS:
        if setting.env is None or setting.key == "profile":
            continue
        text = _variable(setting, setting.env, environ)
        if text:
            document.values[setting.key] = from_environment(setting, text, where=setting.env)


def _variable(setting: Setting, name: str, environ: Mapping[str, str]) -> str | None:
    return secret_of(name, environ) if setting.secret else environ.get(name)


def secret_of(name: str, environ: Mapping[str, str]) -> str | None:
    """Return a secret from its variable, or from the file of mode 0600 that its ``_FILE`` names. Raises ConfigError."""
    text, file = environ.get(name), environ.get(f"{name}_FILE")
    if not file:
        return text or None
    if text:
        raise ConfigError(f"{name} and {name}_FILE are both set; expected one of them", key=name)
    return _secret_file(Path(file), f"{name}_FILE")


def _secret_file(path: Path, variable: str) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{variable}: {path} cannot be read; expected a text file of mode 0600", key=variable) from e
    if mode & 0o077:
        raise ConfigError(f"{variable}: {path} has mode {mode:04o}; expected 0600 (chmod 600 {path})", key=variable)
    return text
