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

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from math import prod
from typing import Any, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families.block import Block
from emcli.families.completing import Completing
from emcli.families.words import typed
from emcli.frozen import frozen, immutable, replace
from emcli.numerics import Array, Codes, Mask


@frozen
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


@immutable
class Family(Completing):
    """K distributions of one family over the columns it names; immutable."""

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
    def remarks(cls, part: Part) -> Sequence[str]:
        """What a user should be told of the block: what is done to the data, what looks odd."""
        return ()

    @property
    def k(self) -> int:
        """Number of components: the axis before the last of its first array, unless told."""
        found: int = getattr(self, self.arrays[0]).shape[-2]
        return found

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

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        """The same family, ready for missing cells in the columns at these positions."""
        return self

    def rebuilt(self, how: Callable[[Family], Family]) -> Family:
        """The same with `how` of every block in its place."""
        return how(self)

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
    def maximise(self, n: Array, t: Array) -> Self: ...

    @abstractmethod
    def q(self, n: Array, t: Array) -> float: ...

    def surplus(self, here: Self, block: Block, r: Array) -> float:
        """What Q of these parameters has, of a block's rows, that sums of r log p have not.

        Nought where the M step is over the colours alone. here: the parameters the hidden
        quantities are expected at.
        """
        if not (self.hidden and self.exact):
            return 0.0
        whole = self.q(r.sum(axis=-1), here.statistics(block, r))
        return whole - float((r * self.log_density(block)).sum())

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
    def learnt(self) -> Mask:
        """(K,) which components are estimated from the rows they own."""
        return ~self.behind

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


def _each(f: Callable[..., Array], *arrays: Any) -> Any:
    """f of some arrays, or of each array of some tuples."""
    if isinstance(arrays[0], tuple):
        return tuple(f(*some) for some in zip(*arrays, strict=True))
    return f(*arrays)
