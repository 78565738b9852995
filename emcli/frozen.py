"""Frozen dataclasses that cost nothing to declare.

`@dataclass(frozen=True)` writes and compiles six methods for a class when its module is imported,
half a millisecond each time; emcli has dozens of such classes, and `emcli --help` is a tenth of a
second. Here nothing is compiled: the methods go by the fields.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """`@dataclass(frozen=True)` for fields with plain defaults; `fields` and `replace` work."""
    made: Any = dataclass(init=False, repr=False, eq=False)(kind)
    names = [f.name for f in fields(made)]
    shown = [f.name for f in fields(made) if f.repr]
    defaults = {f.name: f.default for f in fields(made) if f.default is not MISSING}

    def init(self: Any, *given: Any, **named: Any) -> None:
        values = dict(zip(names, given, strict=False))
        if len(given) != len(names) or named:
            values = defaults | values | named
        if len(values) != len(names) or len(given) > len(names):
            raise TypeError(f"{kind.__name__} takes {', '.join(names)}")
        vars(self).update([(name, values[name]) for name in names])

    def content(self: Any) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in names])

    def equal(self: Any, other: object) -> bool:
        return type(self) is type(other) and content(self) == content(other)

    def shape(self: Any) -> str:
        pairs = [f"{name}={getattr(self, name)!r}" for name in shown]
        return f"{kind.__qualname__}({', '.join(pairs)})"

    made.__init__, made.__repr__, made.__eq__ = init, shape, equal
    made.__hash__ = lambda self: hash(content(self))
    made.__setattr__ = made.__delattr__ = _refuse
    return made


def replace(made: T, **changes: Any) -> T:
    """`dataclasses.replace` where there is no `__post_init__`, in half the time.

    Small fits make thousands of families and mixtures from others.
    """
    kind: Any = type(made)
    found: T = object.__new__(kind)
    values = vars(made)
    names = _names(kind)
    fresh = {name: values[name] for name in names} | changes
    if len(fresh) != len(names):
        raise TypeError(f"{kind.__name__} has {', '.join(names)}")
    vars(found).update(fresh)
    return found


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__name__} is frozen: '{name}' stays as it is")
