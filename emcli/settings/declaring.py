"""What an option is, and how a bundle of them is made from raw values."""

from __future__ import annotations

from collections.abc import Mapping
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
