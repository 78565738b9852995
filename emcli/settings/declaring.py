"""What an option is, and how a bundle of them is made from raw values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, fields
from typing import Any

from emcli.errors import UsageError


def option(*flags: str, default: Any, help: str, **how: Any) -> Any:
    """A dataclass field that is also a command-line option.

    `how` may hold `metavar`, `choices` (allowed words), `parse` (text -> value, raising
    ValueError), `repeat` (may be given more than once; the value is a tuple), `flag` (takes no
    value) and `count` (-vv).
    """
    return field(default=default, metadata={"flags": flags, "help": help, **how})


def as_in(bundle: type, name: str) -> Any:
    """The option `name` of another bundle, declared there."""
    declared = next(f for f in fields(bundle) if f.name == name)
    return field(default=declared.default, metadata=declared.metadata)


def changed(bundle: Any) -> dict[str, Any]:
    """The options of a bundle whose values are not their defaults, by name."""
    return {f.name: value for f in fields(bundle)
            if (value := getattr(bundle, f.name)) != f.default}


def words(kinds: Iterable[type], values: Mapping[str, Any]) -> list[str]:
    """What to type for those of the values, by name, that these bundles declare."""
    found: list[str] = []
    for declared in (f for kind in kinds for f in fields(kind) if f.name in values):
        value, flag = values[declared.name], declared.metadata["flags"][0]
        if value is True:
            found.append(flag)
        elif value != declared.default:
            each = value if declared.metadata.get("repeat") else [value]
            found += [word for one in each for word in (flag, _typed(one))]
    return found


def _typed(value: Any) -> str:
    """The value of an option as one would type it."""
    if not isinstance(value, list | tuple):
        return str(value)
    numbers = all(isinstance(one, int) for one in value)
    if numbers and len(value) > 1 and value[-1] - value[0] == len(value) - 1:  # they increase
        return f"{value[0]}-{value[-1]}"
    return ",".join(map(str, value))


def build(bundle: type, values: Mapping[str, Any]) -> Any:
    """Make a bundle (or a bundle of bundles) from option names and raw values.

    Text is parsed and choices are checked here, so the command line, TOML and the Python API
    refuse the same values in the same words. Raises `UsageError`; unknown names are refused.
    """
    groups = {f.name: f.default for f in fields(bundle) if not f.metadata}
    if groups:
        kinds: dict[str, Any] = {name: type(default) for name, default in groups.items()}
        owner = {f.name: name for name, kind in kinds.items() for f in fields(kind)}
        unknown = [name for name in values if name not in owner]
        if unknown:
            raise UsageError(f"there is no option '{unknown[0]}'")
        return bundle(**{
            name: build(kind, {n: v for n, v in values.items() if owner[n] == name})
            for name, kind in kinds.items()
        })
    known = {f.name: f for f in fields(bundle)}
    return bundle(**{name: _validated(known[name], value) for name, value in values.items()})


def _validated(declared: Any, value: Any) -> Any:
    """One raw value, parsed and checked by its declaration."""
    how = declared.metadata
    flag = how["flags"][-1]
    if value is None or value == declared.default:
        return declared.default
    if how.get("repeat"):
        return (value,) if isinstance(value, str) else tuple(value)
    if "choices" in how and value not in how["choices"]:
        raise UsageError(f"{flag} takes one of {', '.join(how['choices'])}, not '{value}'")
    if isinstance(value, list):
        return tuple(value)
    if "parse" in how and not isinstance(value, tuple):
        try:
            return how["parse"](value)
        except ValueError as error:
            raise UsageError(f"{flag}: {error}") from None
    return value
