"""A distribution of your own: a log density and its parameters' bounds are enough.

    class Gompertz:
        parameters = {"rate": (0, None), "ageing": (0, None)}
        support = (0, None)

        def log_density(self, x, rate, ageing):
            return np.log(rate) + ageing * x - rate / ageing * np.expm1(ageing * x)

`load` reads such a class from a file, `installed` from an entry point, and `wrapped` makes a family
of it. What is wrong with the class is told in one sentence.
"""

from __future__ import annotations

import copyreg
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from keyword import iskeyword
from types import ModuleType
from typing import Any

import numpy as np

from emcli.errors import UsageError
from emcli.families.asked import Kind, Own, theirs
from emcli.families.base import Family
from emcli.families.parameter import Parameter

GROUP = "emcli.families"  # of entry points

_TAKEN = ("x", "self", "family", "columns", "levels", "trials", "formula")
_NAME = re.compile(r"[A-Za-z][\w-]*")

# Each that was read, by its file (or "") and name.
_read: dict[tuple[str, str], type[Any]] = {}


def load(text: str) -> type[Own]:
    """The family of `FILE.py:NAME`, read afresh; `UsageError` says what is wrong with it."""
    path, colon, name = text.rpartition(":")
    if not colon or not path or not name.isidentifier():
        raise UsageError(f"--family-file takes FILE.py:NAME, not '{text}'", "type my.py:Gompertz")
    found = _executed(path, os.path.abspath(path))
    if not hasattr(found, name):
        from difflib import get_close_matches

        classes = [key for key, value in vars(found).items() if isinstance(value, type)]
        near = get_close_matches(name, classes, 1) or classes[:1]
        raise UsageError(
            f"{path} has no class '{name}'", f"did you mean {path}:{near[0]}?" if near else ""
        )
    place = os.path.abspath(path), name
    _read[place] = wrapped(getattr(found, name), f"{name} in {path}", f"{path}:{name}", place)
    return _read[place]


def installed(name: str) -> type[Any] | None:
    """The family of an entry point of that name, or None: code that someone installed."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=name):
        where = f"{entry.value} (entry point '{name}')"
        with theirs(f"{where} cannot be imported"):
            found = entry.load()
        if not (isinstance(found, type) and issubclass(found, Family)):
            found = wrapped(found, where, "", ("", name), name)
        _read["", name] = found
        return found
    return None


def names_installed() -> list[str]:
    """The names of all entry points."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP).names)


def again(path: str, name: str) -> type[Any]:
    """The family read from there before, in this process or in the one that sent it."""
    if (path, name) in _read:
        return _read[path, name]
    found = load(f"{path}:{name}") if path else installed(name)
    assert found is not None  # the other process had it
    return found


def _placed(kind: Any) -> Any:
    return again, kind.place


copyreg.pickle(Kind, _placed)


def _executed(shown: str, path: str) -> ModuleType:
    """The module in the file; nothing is written beside it."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UsageError(
            f"cannot read {shown}: {error.strerror}", "--family-file takes FILE.py:NAME"
        ) from None
    module = ModuleType(f"emcli family {path}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    with theirs(f"{shown} cannot be imported", path):
        exec(compile(source, path, "exec"), vars(module))
    return module


def wrapped(
    user: Any, where: str, option: str, place: tuple[str, str], name: str | None = None
) -> type[Own]:
    """The family of a user's class; where: for messages; place: to find it again."""
    if not isinstance(user, type):
        raise UsageError(f"{where} is not a class")
    file = getattr(sys.modules.get(user.__module__), "__file__", None) or ""
    with theirs(f"{where} cannot be made", file):
        made = user()
    parameters = _parameters(made, where)
    interval = _interval("support", getattr(made, "support", (None, None)), where)
    name = name or getattr(made, "name", None) or user.__name__.lower()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"{where} has the name '{name}'", "type one word of letters and digits")
    _refuse_methods(made, parameters, where)
    discrete = bool(getattr(made, "discrete", False))
    words = inspect.cleandoc(user.__doc__ or "").splitlines() or [f"made by {where}"]
    made_of: dict[str, Any] = {
        "user": made, "where": where, "file": file, "place": place, "name": name,
        "interval": interval, "coordinates_of": parameters,
        "holds": tuple(parameter.name for parameter in parameters),
        "summary": words[0].rstrip("."), "density": f"that of {where}", "source": where,
        "parameters": ", ".join(f"{p.name} {p.range}".strip() for p in parameters),
        "support": _support(interval, discrete),
        "example": f"emcli fit DATA --family-file {option} -m {name}" if option
        else f"emcli fit DATA -m {name}",
        "kind": "count" if discrete else "real", "continuous": not discrete, "bounded": discrete,
    }
    family: Any = Kind(user.__name__, (Own,), made_of)
    return family


def _parameters(made: Any, where: str) -> tuple[Parameter, ...]:
    said = getattr(made, "parameters", None)
    if not isinstance(said, Mapping) or not said:
        raise UsageError(
            f"{where} does not say its parameters",
            'write parameters = {"rate": (0, None)}: each with its bounds',
        )
    for name in said:
        good = isinstance(name, str) and name.isidentifier() and not iskeyword(name)
        if not good or name in _TAKEN:
            raise UsageError(f"{where} has a parameter '{name}'", "give it another name")
    return tuple(_interval(name, bounds, where) for name, bounds in said.items())


def _interval(name: str, bounds: Any, where: str) -> Parameter:
    """A parameter's bounds, None where there is none."""
    try:
        low, high = bounds
        ends = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    except (TypeError, ValueError):
        ends = (np.nan, np.nan)
    if not ends[0] < ends[1]:
        raise UsageError(
            f"{where} has {bounds!r} as the bounds of {name}",
            "write two numbers, the lower first, None where there is no bound: (0, None)",
        )
    return Parameter(name, *ends)


def _refuse_methods(made: Any, parameters: Sequence[Parameter], where: str) -> None:
    """Raise `UsageError` where a method is missing or takes other arguments."""
    names = [parameter.name for parameter in parameters]
    shapes: dict[str, tuple[str, ...]] = {
        "log_density": ("x",), "gradient": ("x",), "sample": ("rng", "n"), "start": ("x", "w"),
    }  # fmt: skip
    for method, first in shapes.items():
        own = () if method == "start" else tuple(names)
        wanted = f"{method}({', '.join(['self', *first, *own])})"
        call: Callable[..., Any] | None = getattr(made, method, None)
        if call is None and method != "log_density":
            continue
        if not callable(call):
            raise UsageError(f"{where} has no method log_density" if call is None
                             else f"{method} of {where} is no method", f"write {wanted}")
        try:
            bind = partial(inspect.signature(call).bind, *first)
        except (TypeError, ValueError):  # no telling
            continue
        try:
            bind(**dict.fromkeys(own))
        except TypeError as error:
            raise UsageError(f"{method} of {where} cannot be called: {error}",
                             f"write {wanted}") from error


def _support(interval: Parameter, discrete: bool) -> str:
    low, high = interval.low, interval.high
    kind = "whole numbers" if discrete else "numbers"
    if np.isfinite(low) and np.isfinite(high):
        return f"{kind} from {low:g} to {high:g}"
    return f"{kind} from {low:g}" if np.isfinite(low) else \
        f"{kind} up to {high:g}" if np.isfinite(high) else kind if discrete else "finite numbers"
