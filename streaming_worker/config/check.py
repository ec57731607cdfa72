"""One value against one setting: the right type, in range, exactly representable; or one clear line."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

from streaming_worker.config.setting import Kind, Setting, Value
from streaming_worker.errors import ConfigError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_URL: Final = re.compile(r"(wss?|https?)://\S+|\{solana_(rpc|websocket)_url\}")


def checked(setting: Setting, raw: object, *, where: str) -> Value:
    """Return the value as the program uses it.

    Raises: ConfigError naming ``where`` (the key or the variable), what is allowed and what was received.
    """
    value = _READERS[setting.kind](setting, raw)
    if value is None or (setting.choices and value not in setting.choices):
        refuse(setting, raw, where=where)
    return value


def from_environment(setting: Setting, text: str, *, where: str) -> Value:
    """Read a variable's text as the setting's type and check it."""
    match setting.kind:
        case Kind.INTEGER:
            return checked(setting, _whole(text), where=where)
        case Kind.FLAG:
            return checked(
                setting, {"true": True, "1": True, "false": False, "0": False}.get(text.lower()), where=where
            )
        case Kind.TEXTS:
            return checked(setting, [part.strip() for part in text.split(",") if part.strip()], where=where)
        case Kind.INTEGERS:
            return checked(setting, [_whole(part) for part in text.split(",")], where=where)
        case _:
            return checked(setting, text, where=where)


def refuse(setting: Setting, raw: object, *, where: str) -> NoReturn:
    """Raise the one line that names the key, the allowed values and what was found; never a secret's value."""
    received = "a value that is not" if setting.secret else f"{raw!r:.80}"
    raise ConfigError(f"{where}: expected {setting.allowed}, received {received}", key=setting.key)


def _whole(text: str) -> int | str:
    stripped = text.strip()
    return int(stripped) if re.fullmatch(r"-?[0-9]{1,18}", stripped) else text


def _in_range(setting: Setting, value: Decimal | int) -> bool:
    return (setting.minimum is None or value >= setting.minimum) and (
        setting.maximum is None or value <= setting.maximum
    )


def _text(_: Setting, raw: object) -> str | None:
    return raw if isinstance(raw, str) and raw.strip() and raw.isprintable() else None


def _name(_: Setting, raw: object) -> str | None:
    return raw if isinstance(raw, str) and _NAME.fullmatch(raw) else None


def _url(_: Setting, raw: object) -> str | None:
    return raw if isinstance(raw, str) and _URL.fullmatch(raw) else None


def _integer(setting: Setting, raw: object) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return raw if _in_range(setting, raw) else None


def _decimal(setting: Setting, raw: object) -> int | None:
    if not isinstance(raw, str):
        return None
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return None
    if not value.is_finite() or not _in_range(setting, value):
        return None
    scaled = value.scaleb(setting.digits)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def _flag(_: Setting, raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _texts(setting: Setting, raw: object) -> tuple[str, ...] | None:
    if not isinstance(raw, list | tuple):
        return None
    parts = [_text(setting, part) for part in raw]
    return tuple(part for part in parts if part is not None) if None not in parts else None


def _integers(setting: Setting, raw: object) -> tuple[int, ...] | None:
    if not isinstance(raw, list | tuple) or not raw:
        return None
    parts = [_integer(setting, part) for part in raw]
    return tuple(part for part in parts if part is not None) if None not in parts else None


_READERS: Final[dict[Kind, Callable[[Setting, object], Value]]] = {
    Kind.TEXT: _text,
    Kind.NAME: _name,
    Kind.URL: _url,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.FLAG: _flag,
    Kind.TEXTS: _texts,
    Kind.INTEGERS: _integers,
}
