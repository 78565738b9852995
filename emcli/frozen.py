"""Dataclasses that cost nothing to declare.

`@dataclass` writes and compiles up to six methods for a class when its module is imported, a
quarter of a millisecond each time; emcli has a hundred such classes, and `emcli --help` is a tenth
of a second. Here nothing is compiled: the methods go by the fields. `frozen` classes are equal if
their fields are, `immutable` ones, which hold arrays, only to themselves; `mutable` ones likewise,
and their fields may change. `fields`, `field` and `replace` of dataclasses work.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """`@dataclass(frozen=True)`."""
    made: Any = immutable(kind)
    names = _names(made)

    def content(self: Any) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in names])

    def equal(self: Any, other: object) -> bool:
        return type(self) is type(other) and content(self) == content(other)

    made.__eq__, made.__hash__ = equal, lambda self: hash(content(self))
    return made


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def immutable(kind: type[T]) -> type[T]:
    """`@dataclass(frozen=True, eq=False)`."""
    bases = [vars(base).get("__dataclass_params__") for base in kind.__mro__[1:]]
    still = [params for params in bases if params and params.frozen]
    for params in still:  # dataclasses would write methods for what inherits from what is frozen
        params.frozen = False
    made: Any = mutable(kind)
    for params in [*still, made.__dataclass_params__]:
        params.frozen = True
    made.__setattr__ = made.__delattr__ = _refuse
    return made


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def mutable(kind: type[T]) -> type[T]:
    """`@dataclass(eq=False)`."""
    made: Any = dataclass(init=False, repr=False, eq=False)(kind)
    in_order = [f.name for f in fields(made) if f.init and not f.kw_only]
    every = [f.name for f in fields(made) if f.init]
    shown = [f.name for f in fields(made) if f.repr]
    defaults = {f.name: f.default for f in fields(made) if f.default is not MISSING}
    factories = {
        f.name: f.default_factory for f in fields(made) if f.default_factory is not MISSING
    }
    finish = getattr(made, "__post_init__", None)

    def init(self: Any, *given: Any, **named: Any) -> None:
        if named or len(given) != len(every) or in_order != every:
            placed = dict(zip(in_order, given, strict=False))
            values = defaults | placed | named
            values |= {name: make() for name, make in factories.items() if name not in values}
            twice = len(given) > len(in_order) or not named.keys().isdisjoint(placed)
            if twice or values.keys() != set(every):
                raise TypeError(f"{kind.__name__} takes {', '.join(every)}")
            vars(self).update([(name, values[name]) for name in every])
        else:
            vars(self).update(zip(every, given, strict=True))
        if finish:
            finish(self)

    def shape(self: Any) -> str:
        pairs = [f"{name}={getattr(self, name)!r}" for name in shown]
        return f"{kind.__qualname__}({', '.join(pairs)})"

    made.__init__ = init
    if "__repr__" not in vars(kind):
        made.__repr__ = shape
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
