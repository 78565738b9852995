"""What a family of distributions is: the protocol, and what all families share.

A family holds the parameters of **all K components** as arrays whose first axis is the component.
Data are columns first: values are `(d, n)`, log densities and responsibilities `(K, n)`. Several
starts of one fit may be stacked: then every such array, and every sum, has one more axis in front
("..." below), and one call does for all of them.

    log_density(block)          log p_k(x_i), (K, n), up to the base measure h(x)
    statistics(block, r)        sums over the block's rows, (K, width): all the M step needs
    maximise(n, t)              the M step: the family that maximises Q, from n = sums of r and t
    q(n, t)                     the expected complete-data log-likelihood, from the same sums

Q is linear in the responsibilities, so sums over rows are enough, and sums over blocks add.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families.block import Block
from emcli.families.words import numbers, quoted, typed
from emcli.numerics import Array, Codes, Mask


@dataclass(frozen=True)
class Part:
    """One block of a model before any fit: what the grammar and the table say of it.

    columns: its columns' names; variant: a covariance structure, say; options: its arguments, as
    `Family.arguments` made them; levels: of each input, where its kind has them; incomplete:
    positions of the inputs with missing cells; ranges: least and largest value of each column,
    where the family asks for them (`ranged`).
    """

    family: type[Family]
    columns: tuple[str, ...]
    variant: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    levels: tuple[tuple[Any, ...] | None, ...] = ()
    incomplete: tuple[int, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it reads: its own, then any that describe them (trials, regressors)."""
        return self.family.reads(self.columns, self.options)

    @property
    def plain(self) -> Part:
        """The same block, for rows that are seen as they are."""
        found: Part = self.options.get("inner", self)
        return found


class Base(Hashable, Protocol):
    """A base measure: log h(x) of the columns it names, values (inputs, n) -> (n,)."""

    @property
    def inputs(self) -> tuple[str, ...]: ...

    def __call__(self, values: Array) -> Array: ...


@dataclass(frozen=True, eq=False)
class Family(ABC):
    """K distributions of one family over the columns it names; immutable."""

    columns: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)  # those of its part

    # Words for the catalogue (`emcli models`), and the facts others ask for.
    name: ClassVar[str]
    summary: ClassVar[str]
    density: ClassVar[str]
    parameters: ClassVar[str]
    support: ClassVar[str]
    m_step: ClassVar[str]
    source: ClassVar[str]
    example: ClassVar[str]
    kind: ClassVar[str]  # of column it takes: real, count, binary, category
    beside: ClassVar[str] = ""  # of columns it reads beside them: count, or any (real or category)
    continuous: ClassVar[bool]  # a density (True) or a mass function
    measure: ClassVar[str] = ""  # of a density that is not one of each column: sphere, say
    bounded: ClassVar[bool] = True  # can the likelihood of a finite table be infinite?
    variants: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[tuple[str, ...]] = ()  # name=value arguments
    flags: ClassVar[tuple[str, ...]] = ()  # arguments that are one word
    holds: ClassVar[tuple[str, ...]] = ()  # parameters that name=value can hold at a value
    labels: ClassVar[tuple[str, ...]] = ()  # entries in the file that are no numbers, all alike
    written: ClassVar[bool] = True  # is it part of the model, or of this fit only?
    conditional: ClassVar[bool] = False  # does it describe its column about a line, given others?
    ranged: ClassVar[bool] = False  # does it ask for the columns' ranges?
    background: ClassVar[bool] = False  # is it what others stand out from? Then it starts faint
    # Has it unobserved quantities of its own, beside the colours? Then Q is over them too.
    hidden: ClassVar[bool] = False
    # Does the M step maximise Q? If not, it is a Newton step on what the sums tell of Q near the
    # parameters they were taken at, and may have to be shortened (`em.halfway`).
    exact: ClassVar[bool] = True
    arrays: ClassVar[tuple[str, ...]]  # its parameters: the fields that are arrays (..., K, *)

    @classmethod
    def variant(cls, name: str) -> str:
        """The variant of that name, however abbreviated; `UsageError` when there is none."""
        return name

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """The name=value arguments as typed, flags as "true", as options; `UsageError` if unfit.

        names: the table's columns; find: the column that a specification means.
        """
        return {
            name: numbers(name, text) if name in cls.holds else text == "true"
            for name, text in values.items()
        }

    @classmethod
    def described(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that its arguments say it describes (a formula's left side), if any do."""
        return ()

    @classmethod
    def expanded(cls, values: Mapping[str, str]) -> list[dict[str, str]]:
        """Arguments that stand for several models (q=1-3), one by one."""
        return [dict(values)]

    @classmethod
    def refuse(cls, part: Part) -> None:
        """Raise `UsageError` where the options do not suit the columns."""
        for name in cls.holds:
            held = part.options.get(name)
            if held is not None and len(held) not in (1, len(part.columns)):
                many = len(part.columns)
                raise UsageError(
                    f"{name}= has {len(held)} values for {many} column{'s' * (many > 1)}",
                    f"type one, or as many as there are columns: {name}=(1.5, 2)",
                )
            low, high = cls.range_of(name)
            if held is not None and not all(low < value < high for value in held):
                ends = f"between {low:g} and {high:g}" if high < np.inf else f"above {low:g}"
                raise UsageError(f"{name}={typed(held)} is not {ends}")

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        """The open interval that a held parameter must lie in."""
        return -np.inf, np.inf

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        """Its arguments as the grammar writes them; columns not where the block is alone."""
        words = [name if value is True else f"{name}={typed(value)}"
                 for name, value in options.items() if value is not False]
        return (*(() if alone else map(quoted, columns)), *words)

    def keep(self, name: str, found: Array) -> Array:
        """The parameter as found, or at the values its block holds it at."""
        held = self.options.get(name)
        return found if held is None else np.broadcast_to(np.array(held), found.shape).copy()

    def refuse_others(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Raise ValueError where the entries of a file have other values than those held."""
        for name in self.holds:
            held = self.options.get(name)
            if held is not None and not np.allclose(
                [np.ravel(entry[name]) for entry in found], held, rtol=1e-9, atol=0
            ):
                raise ValueError(f"'{name}' is not what the model holds it at")

    @staticmethod
    @abstractmethod
    def inside(values: Array) -> Mask:
        """Which values (n,) lie in the support, as booleans."""

    @classmethod
    def rows_inside(cls, values: Array) -> Mask | None:
        """Which rows (d, n) lie in the support, whose cells do; None where all of them do."""
        return None

    @classmethod
    def remarks(cls, part: Part) -> Sequence[str]:
        """What a user should be told of the block: what is done to the data, what looks odd."""
        return ()

    @property
    @abstractmethod
    def k(self) -> int:
        """Number of components."""

    @classmethod
    def title(cls, part: Part) -> str:
        """The block as the model grammar writes it, without columns."""
        return f"{cls.name}:{part.variant}" if part.variant else cls.name

    @property
    def label(self) -> str:
        """`title` of the fitted family."""
        return self.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the table it reads: its own, then any that describe them (trials)."""
        return self.columns

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        """`inputs`, asked before there is a fit."""
        return columns

    @property
    def given(self) -> tuple[str, ...]:
        """The columns that must be known to draw rows: those it reads and does not describe."""
        return self.inputs[len(self.columns) :]

    @classmethod
    @abstractmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """The complete-data maximum-likelihood fit: colours known (or held at r, (K, n))."""

    @property
    def free(self) -> int:
        """Number of free parameters of all K components together."""
        return sum(getattr(self, name).size for name in self.arrays if name not in self.options)

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        """The changes of the data that leave the fit as it is.

        "affine" (any invertible linear map and shift), "columns" (each column's own scale and
        shift), "similarity" (a common scale, rotations and shifts), "scale" (each column's own
        positive factor), "turn" (a shift of the angle, a rotation of the sphere) or "none".
        """
        return "none"

    @classmethod
    def needs_whole_rows(cls, part: Part) -> bool:
        """Does the density need all its columns together?"""
        return False

    @classmethod
    def apart(cls, variant: str | None) -> bool:
        """Is a block of several columns the same as a block for each?"""
        return not cls.variants

    @classmethod
    def options_of(cls, found: Mapping[str, Any]) -> dict[str, Any]:
        """The options that stand in an entry of a parameters file and not in the model's name."""
        return {}

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        """The same family, ready for missing cells in the columns at these positions.

        Raises `UsageError` where it needs its columns together.
        """
        if incomplete and self.correlated:
            name = self.columns[incomplete[0]]
            raise UsageError(f"'{name}' has empty cells, which {self.label} cannot use yet")
        return self

    @property
    def plain(self) -> Family:
        """The same family, for rows that are seen as they are."""
        return self

    @classmethod
    def around(cls, read: Family, options: Mapping[str, Any]) -> Family:
        """What a parameters file says, for rows that are seen as these options tell."""
        return read

    def boundary(self, component: int) -> list[str]:
        """The parameters of a component that ran to a limit of their range, in words."""
        return []

    @classmethod
    def rows_wanted(cls, part: Part) -> int:
        """Fewest rows a component can have: d + 2 where the likelihood is unbounded."""
        return 1 if cls.bounded else len(part.columns) + 2

    @property
    def least_rows(self) -> int:
        """A component that owns fewer distinct rows of the inputs is spurious."""
        return len(self.columns) + 2

    @property
    def exempt(self) -> bool:
        """Can no component be spurious? (See `degeneracy`.)"""
        return self.bounded

    def narrowest(self, unit: Array) -> Array:
        """(K,) least variance of each component in any direction, columns in these units (d,).

        Without bound where no component can be too narrow.
        """
        return np.full(self.k, np.inf)

    @abstractmethod
    def log_density(self, block: Block) -> Array: ...

    @abstractmethod
    def statistics(self, block: Block, r: Array) -> Array: ...

    @abstractmethod
    def maximise(self, n: Array, t: Array) -> Self: ...

    @abstractmethod
    def q(self, n: Array, t: Array) -> float: ...

    def base(self) -> Base | None:
        """h(x): a hashable function of values (d, n) -> (n,), or None where h is one.

        The same for every component, it never enters the loop: its sum is taken once a table.
        """
        return None

    @classmethod
    @abstractmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """(p, n) coordinates in which Euclidean distance is fair between rows, without NaN.

        Starts are made there, so they keep the family's invariance.
        """

    @classmethod
    def steered(cls, part: Part, block: Block, r: Array) -> Array:
        """The colours (K, n) of a start, made to agree with what is known of them."""
        return r

    @abstractmethod
    def to_vector(self, base: Self | None = None) -> Array:
        """Unconstrained coordinates, in the chart around `base` (itself when not given)."""

    @cached_property
    def own_vector(self) -> Array:
        """Its coordinates in the chart around itself."""
        return self.to_vector(self)

    @abstractmethod
    def from_vector(self, vector: Array) -> Self:
        """The family at these coordinates of the chart around this one."""

    @property
    def chart_size(self) -> int:
        """How many coordinates the chart has: as many as there are numbers, unless told."""
        sizes: list[int] = []
        for name in self.arrays:
            found = getattr(self, name)
            for array in found if isinstance(found, tuple) else (found,):
                sizes.append(prod(array.shape[-2:]))
        return sum(sizes)

    def information(self, weights: Array, vector: Array) -> Array:
        """The complete-data information of one row, times vectors (..., p) of this one's chart.

        weights: (..., K) shares of the components. It is the metric in which EM is steepest
        ascent; acceleration wants it roughly, so that nothing need be better than this.
        """
        size = self.chart_size // self.k
        return np.repeat(weights, size, axis=-1) * vector

    def select(self, order: Any) -> Self:
        """The components in another order (or some of them); of a stack, some of its starts."""
        return self.mapped(lambda a: a[order])

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        """The family whose every parameter array is f of this one's and the others'."""
        return replace(
            self, **{name: _each(f, *(getattr(x, name) for x in (self, *others)))
                     for name in self.arrays},
        )

    @property
    def working(self) -> int:
        """Numbers it holds for each row while it is evaluated, where it is not linear."""
        return 2 * len(self.columns)

    @property
    def forms(self) -> Mask:
        """(...) which starts of a stack are linear, or one answer for all."""
        return np.asarray(self.linear)

    @abstractmethod
    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        """One row a colour: (d, n) values."""

    @abstractmethod
    def to_dict(self, component: int) -> dict[str, Any]:
        """One component's parameters under the names of the parameters file."""

    def entries(self, component: int) -> list[dict[str, Any]]:
        """The same, ready for the file: an entry for each of its blocks."""
        head = {"family": self.name, "columns": list(self.columns)}
        return [head | self.to_dict(component)]

    def kind_of(self, component: int) -> str:
        """The component's own model, where components differ in it."""
        return ""

    @classmethod
    def least_k(cls, part: Part) -> int:
        """Fewest components it makes sense with, those of other kinds not counted."""
        return 1

    @classmethod
    def extras(cls, part: Part) -> tuple[bool, ...]:
        """Of each component at the end that is of its own kind: is it background?"""
        return ()

    @property
    def behind(self) -> Mask:
        """(K,) which components are background."""
        return np.full(self.k, self.background)

    @property
    def by_kind(self) -> Codes:
        """The components' numbers, kind by kind."""
        return np.arange(self.k)

    def colour_of(self, component: int) -> str:
        """The colour it was asked for by, if any."""
        return ""

    @property
    def leaves(self) -> tuple[Family, ...]:
        """The families that describe columns: itself, unless it is made of others."""
        return (self,)

    @classmethod
    @abstractmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        """The family from the K entries of a parameters file; ValueError says what is wrong."""

    @property
    def correlated(self) -> bool:
        """Does the density need all its columns together?"""
        return False

    @property
    def linear(self) -> bool:
        """Are log density and statistics linear in features(x), at these parameters?"""
        return False


def _each(f: Callable[..., Array], *arrays: Any) -> Any:
    """f of some arrays, or of each array of some tuples."""
    if isinstance(arrays[0], tuple):
        return tuple(f(*some) for some in zip(*arrays, strict=True))
    return f(*arrays)
