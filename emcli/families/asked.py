"""Families of which only a log density is known: how a user's class is asked, and what it lacks.

The M step is a Newton step by differences, or by the class's own `gradient`; starts are tried out
(`guess`) where there is no `start`; rows are drawn from the density, integrated (`integrated`),
where there is no `sample`. `own` reads the class and fills in what a family says of itself.
"""

from __future__ import annotations

import traceback
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from emcli.errors import DegenerateError, InputError, UsageError
from emcli.families import guess
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.differences import DIFFERENCE, differences
from emcli.families.helpers import imputed
from emcli.families.integrated import Table
from emcli.families.numerical import NumericalFamily
from emcli.families.parameter import Parameter
from emcli.numerics import Array, Codes, Mask

# How far a density may be from adding up to 1, and a gradient from the differences.
LEAK, ASKEW = 0.01, 1e-3
_ELEMENTWISE = ("log_density", "gradient")


class Kind(ABCMeta):
    """The kind of the classes made here: `own` pickles them as the place they came from."""

    place: tuple[str, str]


class Own(NumericalFamily, metaclass=Kind):
    """A family made of a user's class; `wrapped` fills in the rest."""

    user: ClassVar[Any]  # an object of the user's class
    where: ClassVar[str]  # its class and file, for messages
    file: ClassVar[str]
    interval: ClassVar[Parameter]  # its support, closed
    m_step: ClassVar = "numerical: a Newton step on Q near the last parameters"
    checked: ClassVar[bool] = False

    @classmethod
    def inside(cls, values: Array) -> Mask:
        low, high = cls.interval.low, cls.interval.high
        found = np.isfinite(values) & (values >= low) & (values <= high)
        return found if cls.continuous else found & (values == np.floor(values))

    @classmethod
    def asked(cls, method: str, *args: Any, **named: Any) -> Any:
        """What the user's method says; what goes wrong in it is told as a sentence."""
        hint = "x and the parameters are NumPy arrays" if method in _ELEMENTWISE else ""
        failed = f"{method} of {cls.where} failed"
        with theirs(failed, cls.file, hint), np.errstate(all="ignore"):
            return getattr(cls.user, method)(*args, **named)

    @classmethod
    def _named(cls, values: Array) -> tuple[dict[str, Array], Mask]:
        """Each parameter (..., K, 1) by its name, and (..., K, 1) which are within their bounds.

        The user's code never sees others: in their place stands a value that is.
        """
        named, within = {}, np.ones((*values.shape[:-1], 1), dtype=bool)
        for i, parameter in enumerate(cls.coordinates_of):
            value = values[..., i, None]
            fits = parameter.inside(value)
            within &= fits
            named[parameter.name] = np.where(fits, value, parameter.bounded(np.zeros(())))
        return named, within

    @classmethod
    def log_at(cls, x: Array, values: Array) -> Array:
        """(..., K, n) log densities of x (n,) at values (..., K, p), NaN where out of bounds."""
        named, within = cls._named(values)
        found = np.asarray(cls.asked("log_density", x, **named))
        wanted = (*values.shape[:-1], len(x))
        if found.shape not in (wanted, (*wanted[:-1], 1)):
            raise UsageError(
                f"log_density of {cls.where} returned an array of shape {found.shape} where "
                f"{wanted} was expected",
                "x has shape (n,) and each parameter (..., k, 1): combine them element by element",
            )
        if not np.issubdtype(found.dtype, np.floating):
            raise UsageError(f"log_density of {cls.where} returned no real numbers")
        found = np.broadcast_to(found, wanted)
        return found if within.all() else np.where(within, found, np.nan)

    def log_p(self, x: Array, theta: Array) -> Array:
        return self.log_at(x, self._values(theta))

    @classmethod
    def _values(cls, theta: Array) -> Array:
        with np.errstate(all="ignore"):
            each = [p.bounded(theta[..., i]) for i, p in enumerate(cls.coordinates_of)]
        return np.stack(each, axis=-1)

    @classmethod
    def _slopes(cls, x: Array, theta: Array) -> Array:
        """(..., K, p, n) the user's gradient, in theta."""
        values = cls._values(theta)
        named, within = cls._named(values)
        found = _in_order(cls, "gradient", cls.asked("gradient", x, **named))
        wanted = (*theta.shape[:-1], len(x))
        try:
            slopes = [np.broadcast_to(np.where(within, slope, np.nan), wanted) for slope in found]
        except ValueError as error:
            raise UsageError(
                f"gradient of {cls.where} must hold one array of shape {wanted} for each parameter"
            ) from error
        speed = [p.speed(values[..., i]) for i, p in enumerate(cls.coordinates_of)]
        return np.stack(slopes, axis=-2) * np.stack(speed, axis=-1)[..., None]

    def derivatives(self, x: Array, theta: Array, unit: Array) -> tuple[Array, Array, Array]:
        if not hasattr(self.user, "gradient"):
            return super().derivatives(x, theta, unit)
        slope = self._slopes(x, theta)
        bend = np.empty((*slope.shape[:-1], *slope.shape[-2:]))
        with np.errstate(all="ignore"):
            for i in range(theta.shape[-1]):
                moved = theta.copy()
                moved[..., i] += DIFFERENCE * unit[..., i]
                width = (moved[..., i] - theta[..., i])[..., None, None]
                bend[..., i, :, :] = (self._slopes(x, moved) - slope) / width
            bend = (bend + bend.swapaxes(-3, -2)) / 2
        return self.log_p(x, theta), slope, bend

    def refuse_nan(self, x: Array, value: Array, column: int) -> None:
        lost = np.argwhere(np.isnan(value))
        if len(lost):
            *component, i = lost[0]
            found = self.values[(*component, column)]
            if all(p.inside(v) for p, v in zip(self.coordinates_of, found, strict=True)):
                raise DegenerateError(self._nan(x[i], found))
        super().refuse_nan(x, value, column)

    @classmethod
    def _nan(cls, x: float, values: Array) -> str:
        return f"log_density of {cls.where} is NaN at x = {x:g} with {cls._listed(values)}"

    @classmethod
    def _listed(cls, values: Array) -> str:
        named = zip(cls.coordinates_of, values, strict=True)
        return " and ".join(f"{p.name} {value:.6g}" for p, value in named)

    @classmethod
    def begin(cls, x: Array, w: Array, held: Mapping[str, float]) -> Array:
        started = hasattr(cls.user, "start")
        values = _asked_for(cls, x, w) if started else _tried(cls, x, w, held)
        first = values.reshape(-1, values.shape[-1])[0]
        if not cls.checked:
            cls.checked = True
            _check(cls, x, first)
        return values

    @classmethod
    def units(cls, x: Array, w: Array, values: Array) -> Array:
        """Where the coordinate's own move costs the average row half a nat."""
        found = np.ones_like(values)
        for i in np.flatnonzero(cls._boundless()).tolist():
            if len(x):
                found[..., i] = guess.unit(cls.log_at, x, w, values, i)
                continue
            for index in np.ndindex(values.shape[:-1]):
                if table := cls._table(values[index]):
                    nodes = table.quantile((np.arange(64) + 0.5) / 64)
                    found[(*index, i)] = guess.unit(
                        cls.log_at, nodes, np.ones((1, 64)), values[index][None], i
                    )[0]
        return found

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Columns in standard deviations; those with a bound below on a scale near logarithms."""
        values = imputed(block)
        w = np.ones(block.n) if block.weights is None else block.weights
        if np.isfinite(cls.interval.low) and not np.isfinite(cls.interval.high):
            values = values - cls.interval.low
            mean = (values @ w / w.sum())[:, None]
            values = np.log1p(values / np.where(mean > 0, mean, 1.0))
        values = values - (values @ w / w.sum())[:, None]
        scale = np.sqrt((values * values) @ w / w.sum())[:, None]
        return values / np.where(scale > 0, scale, 1.0)

    @classmethod
    def _table(cls, values: Array) -> Table | None:
        """One component's density of one column, integrated."""
        return Table.of(
            lambda x: cls.log_at(x, values[None])[0], cls.interval.low, cls.interval.high,
            not cls.continuous, values,
        )  # fmt: skip

    @property
    def exempt(self) -> bool:
        return self.bounded or self.k == 1

    @cached_property
    def _spreads(self) -> Array:
        """(K, d) how wide each component is; 1.349 of them hold half of it."""
        return self._by_table(lambda table: table.spread, np.inf)

    @cached_property
    def means(self) -> Array:
        return self._by_table(lambda table: table.mean if table.steady else np.nan, np.nan)

    def _by_table(self, what: Callable[[Table], float], otherwise: float) -> Array:
        """(K, d) what the tables of the components' columns tell."""
        found = np.full(self.values.shape[:-1], otherwise)
        for index in np.ndindex(found.shape):
            if table := self._table(self.values[index]):
                found[index] = what(table)
        return found

    def narrowest(self, unit: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(((self._spreads / unit) ** 2).min(axis=-1))

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        found = np.empty((len(self.columns), len(colours)))
        for k, each in enumerate(self.values):
            rows = np.flatnonzero(colours == k)
            for j, values in enumerate(each if len(rows) else ()):
                found[j, rows] = self._drawn(rng, len(rows), values)
        return found

    def _drawn(self, rng: np.random.Generator, n: int, values: Array) -> Array:
        if hasattr(self.user, "sample"):
            named = {p.name: float(v) for p, v in zip(self.coordinates_of, values, strict=True)}
            found = np.asarray(self.asked("sample", rng, n, **named), float)
            if found.shape != (n,) or not self.inside(found).all():
                raise UsageError(f"sample of {self.where} must return {n} values of its support")
            return found
        table = self._table(values)
        if table is None or not table.steady:
            raise UsageError(
                f"{self.where} cannot be drawn from: its density could not be integrated",
                "give it a method sample(self, rng, n, ...)",
            )
        return table.quantile(rng.random(n))


def _tried(kind: type[Own], x: Array, w: Array, held: Mapping[str, float]) -> Array:
    """(..., K, p) parameters under which the rows are likely."""
    found = guess.likeliest(kind.log_at, kind.coordinates_of, held, kind.interval.low, x, w)
    lost = np.argwhere(~np.isfinite(guess.score(kind.log_at, x, w, found[None])[0]))
    if len(lost):
        index = tuple(lost[0])
        _refuse_density(kind, x[w[index] > 0], found[index])
    return found


def _asked_for(kind: type[Own], x: Array, w: Array) -> Array:
    """(..., K, p) the rough values that the user's `start` tells of each component."""
    found = np.empty((*w.shape[:-1], len(kind.coordinates_of)))
    for index in np.ndindex(found.shape[:-1]):
        rough = _in_order(kind, "start", kind.asked("start", x, w[index]))
        for i, (parameter, value) in enumerate(zip(kind.coordinates_of, rough, strict=True)):
            if np.ndim(value) or not parameter.inside(np.asarray(value, float)):
                raise UsageError(
                    f"start of {kind.where} says {parameter.name} is {value}, which is not "
                    f"{parameter.range}"
                )
            found[(*index, i)] = value
        _refuse_density(kind, x[w[index] > 0], found[index])
    return found


def _in_order(kind: type[Own], method: str, found: Any) -> list[Any]:
    """What a method says of each parameter, by name or in their order."""
    names = [parameter.name for parameter in kind.coordinates_of]
    if isinstance(found, Mapping) and set(found) == set(names):
        return [found[name] for name in names]
    if isinstance(found, Mapping | str) or np.ndim(found) == 0 or len(found) != len(names):
        raise UsageError(f"{method} of {kind.where} must return {', '.join(names)} in this order")
    return list(found)


def _refuse_density(kind: type[Own], x: Array, values: Array) -> None:
    """Raise `InputError` where x (n,) has no density at these parameters."""
    found = kind.log_at(x, values[None])[0]
    if np.isfinite(found).all():
        return
    bad = x[~np.isfinite(found)][0]
    if np.isnan(found).any():
        raise InputError(
            kind._nan(x[np.isnan(found)][0], values),
            f"its support, {kind.support}, must leave out what it cannot take",
        )
    raise InputError(
        f"{kind.where} has no finite log density at x = {bad:g} with {kind._listed(values)}, nor "
        "with any other parameters tried",
        "check its support, or give it a method start(self, x, w)",
    )


def _check(kind: type[Own], x: Array, values: Array) -> None:
    """Raise `UsageError` where the density does not add up to 1, or the gradient is not its own."""
    table = kind._table(values)
    if table and table.steady and abs(table.total - 1) > LEAK:
        raise UsageError(
            f"the density of {kind.where} adds up to {table.total:.4g} with {kind._listed(values)}",
            "it must add up to 1: is a constant missing in log_density?",
        )
    if not hasattr(kind.user, "gradient"):
        return
    theta = np.array([[p.unbounded(values[i]) for i, p in enumerate(kind.coordinates_of)]])
    unit = kind.units(x, np.ones((1, len(x))), values[None])
    value, slope, _ = differences(lambda x, t: kind.log_at(x, kind._values(t)), x, theta, unit)
    own = kind._slopes(x, theta)
    for i, parameter in enumerate(kind.coordinates_of):
        off = np.abs(own[0, i] - slope[0, i])
        worst = int(off.argmax())
        if not off[worst] <= ASKEW * np.abs(slope[0, i]).max() + 1e-9 * np.abs(value).max():
            speed = parameter.speed(values[i])
            raise UsageError(
                f"gradient of {kind.where} says {own[0, i, worst] / speed:.6g} for "
                f"{parameter.name} at x = {x[worst]:g} with {kind._listed(values)}, where "
                f"log_density has the slope {slope[0, i, worst] / speed:.6g}"
            )


@contextmanager
def theirs(failed: str, file: str = "", hint: str = "") -> Iterator[None]:
    """Around a user's own code, which may raise anything: it is told as a sentence.

    Everything is caught here and nowhere else: no list of exceptions fits a stranger's code, and
    with `EMCLI_DEBUG` the command line shows its whole traceback.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        raise UsageError(f"{failed}: {_told(error, file)}", hint) from error


def _told(error: BaseException, file: str) -> str:
    """What went wrong in a user's code, and in which line of this file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if isinstance(error, SyntaxError):
        lines, words = [error.lineno], error.msg
    else:
        words = str(error)
    said = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return f"{said} (line {lines[-1]})" if lines else said
