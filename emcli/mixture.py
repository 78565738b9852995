"""A mixture: weights and blocks of families; log joint densities, responsibilities, criteria.

p(x) = sum_k pi_k prod_b p_bk(x_b): a component is a product of independent blocks, each of one
family. `Model` says which families describe which columns; `Mixture` adds the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, Self

import numpy as np

from emcli.assorted import Assorted
from emcli.errors import DegenerateError
from emcli.evaluation import Evaluation, places
from emcli.expectation import Expectation, put
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.evaluated import Base
from emcli.families.product import drawable, named, undrawn
from emcli.frozen import frozen, immutable, replace
from emcli.grammar import parse, split
from emcli.numerics import Array, Codes, Mask, safe_log


@frozen
class Model:
    """A mixture before any fit: its blocks."""

    parts: tuple[Part, ...]
    equal_weights: bool = False

    @property
    def name(self) -> str:
        """The model in the grammar's words, as a fit of it will have it."""
        return named([
            (part.family, part.family.title(part), part.columns, part.options)
            for part in self.parts
        ])

    def estimate(self, block: Block, names: Sequence[str], r: Array) -> Mixture:
        """The mixture whose colours are known to be r (..., K, n): the complete-data fit."""
        counted = r if block.weights is None else r * block.weights
        n = counted.sum(axis=-1)
        if not (n > 0).all():
            raise _empty(n)
        families = tuple(
            part.family.estimate(part, block.take(places(part.inputs, names)), counted)
            for part in self.parts
        )
        return Mixture(_shares(n, self.equal_weights), families, self.equal_weights)

    def coordinates(self, block: Block, names: Sequence[str]) -> Array:
        """(p, n) coordinates in which starts measure distance."""
        return np.vstack([
            part.family.coordinates(part, block.take(places(part.inputs, names)))
            for part in self.parts
        ])

    def steered(self, block: Block, names: Sequence[str], r: Array) -> Array:
        """The colours (K, n) of a start, made to agree with what is known of them."""
        for part in self.parts:
            r = part.family.steered(part, block.take(places(part.inputs, names)), r)
        return r

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it describes, block by block."""
        return tuple(name for part in self.parts for name in part.columns)

    @property
    def extras(self) -> tuple[bool, ...]:
        """Of each component at the end that is of its own kind: is it background?"""
        return self.parts[0].family.extras(self.parts[0])

    @property
    def least_k(self) -> int:
        """Fewest components: one of each kind, or of each label."""
        return len(self.extras) + max(part.family.least_k(part) for part in self.parts)

    @property
    def rows_wanted(self) -> int:
        """Fewest rows a component can be estimated from."""
        return max(part.family.rows_wanted(part) for part in self.parts)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those and the ones it reads beside them (trials), each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.inputs))


def _shares(n: Array, equal: bool) -> Array:
    return np.full_like(n, 1 / n.shape[-1]) if equal else n / n.sum(axis=-1, keepdims=True)


def _empty(n: Array) -> DegenerateError:
    component = int(np.argmin(n)) % n.shape[-1]
    return DegenerateError(f"component {component + 1} is empty", component)


@immutable
class Mixture:
    """Weights pi (..., K) and the families of its blocks, all with K components.

    A stack of starts is a mixture whose arrays have one more axis in front.
    """

    weights: Array
    families: tuple[Family, ...]
    equal_weights: bool = False
    colours: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        return self.weights.shape[-1]

    @property
    def name(self) -> str:
        """The model in the grammar's words, columns left out where there is one block."""
        return named([(type(f), f.label, f.columns, f.options) for f in self.families])

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the table it reads, each once."""
        return tuple(dict.fromkeys(name for f in self.families for name in f.inputs))

    @property
    def free(self) -> int:
        """Number of free parameters."""
        return (0 if self.equal_weights else self.k - 1) + sum(f.free for f in self.families)

    @property
    def exact(self) -> bool:
        """Does its M step maximise Q, so that it cannot lower the likelihood?"""
        return all(f.exact for f in self.families)

    @property
    def bases(self) -> tuple[Base, ...]:
        """The base measures h(x) of its blocks that are not one."""
        return tuple(base for f in self.families if (base := f.base()) is not None)

    def at(self, names: Sequence[str], featured: bool = False) -> Evaluation:
        """Ready to be evaluated on blocks whose rows are these columns; featured: by features
        where there are any, even if something else is quicker."""
        return Evaluation(self.weights, self.families, tuple(names), featured)

    def maximise(self, expectation: Expectation) -> Self:
        """The M step: the mixture that maximises Q."""
        n = expectation.n
        least = np.where(self.families[0].behind, -1.0, 1e-8 / self.k)  # there may be no outlier
        if not (n > least * n.sum(axis=-1, keepdims=True)).all():
            raise _empty(n)
        families = tuple(
            f.maximise(n, t) for f, t in zip(self.families, expectation.statistics, strict=True)
        )
        weights = _shares(n, self.equal_weights)
        return type(self)(weights, families, self.equal_weights, self.colours)

    def q(self, expectation: Expectation) -> float:
        """Q: the expected complete-data log-likelihood of these parameters, without h(x)."""
        blocks = sum(
            f.q(expectation.n, t)
            for f, t in zip(self.families, expectation.statistics, strict=True)
        )
        return float(expectation.n @ safe_log(self.weights) + blocks)

    def to_vector(self, base: Self | None = None) -> Array:
        """Unconstrained coordinates in the chart around `base` (itself when not given)."""
        if base is None or base is self:
            blocks = [f.own_vector for f in self.families]
        else:
            blocks = [f.to_vector(b) for f, b in zip(self.families, base.families, strict=True)]
        return np.concatenate([safe_log(self.weights), *blocks], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        """The mixture at these coordinates of the chart around this one."""
        head, *rest = self._split(vector)
        share = np.exp(head - head.max(axis=-1, keepdims=True))
        families = tuple(f.from_vector(v) for f, v in zip(self.families, rest, strict=True))
        weights = self.weights if self.equal_weights else _shares(share, equal=False)
        return replace(self, weights=weights, families=families)

    def information(self, vector: Array) -> Array:
        """The complete-data information of one row, times vectors (..., p) of this one's chart."""
        head, *rest = self._split(vector)
        blocks = [f.information(self.weights, v) for f, v in zip(self.families, rest, strict=True)]
        return np.concatenate([self.weights * head, *blocks], axis=-1)

    @property
    def coordinates(self) -> int:
        """How many coordinates the chart has."""
        return self.k + sum(f.chart_size for f in self.families)

    def _split(self, vector: Array) -> list[Array]:
        """Vectors (..., p) of the chart, in pieces: weights, then block by block."""
        ends = [0, *accumulate((f.chart_size for f in self.families), initial=self.k)]
        return [vector[..., begin:end] for begin, end in pairwise(ends)]

    def select(self, order: Any) -> Self:
        """The components in another order; of a stack, one or some of its starts."""
        families = tuple(family.select(order) for family in self.families)
        return replace(self, weights=self.weights[order], families=families)

    @classmethod
    def stack(cls, mixtures: Sequence[Self]) -> Self:
        """Several mixtures of one model and k as one."""
        return mixtures[0].mapped(lambda *each: np.array(each), *mixtures[1:])

    @classmethod
    def join(cls, stacks: Sequence[Self]) -> Self:
        """Several stacks as one."""
        return stacks[0].mapped(lambda *each: np.concatenate(each), *stacks[1:])

    def put(self, mask: Mask, part: Self) -> Self:
        """The stack with other starts in these places (S,)."""
        return self.mapped(partial(put, mask), part)

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        """The mixture whose every parameter array is f of this one's and the others'."""
        families = tuple(
            family.mapped(f, *(other.families[i] for other in others))
            for i, family in enumerate(self.families)
        )
        weights = f(self.weights, *(other.weights for other in others))
        return replace(self, weights=weights, families=families)

    @property
    def forms(self) -> Mask:
        """(S, families): how each start of a stack is evaluated; those that differ must part."""
        found = np.empty((*self.weights.shape[:-1], len(self.families)), dtype=bool)
        for i, family in enumerate(self.families):
            found[..., i] = family.forms
        return found

    def sorted(self) -> Self:
        """Components by decreasing weight, ties by their parameters; background last."""
        if self.k == 1:
            return self
        ties = [
            [x for f in self.families for x in _flat(f.to_dict(k))] for k in range(self.k)
        ]
        tie = np.zeros((self.k, max(map(len, ties))))
        for row, found in zip(tie, ties, strict=True):
            row[: len(found)] = found
        keys = [*tie.T[::-1], -self.weights.round(12), self.families[0].behind]
        return self.select(np.lexsort(keys))

    def grouped(self) -> Self:
        """Components kind by kind, as a start has them."""
        return self.select(self.families[0].by_kind)

    def seeing(self, values: Array, names: Sequence[str]) -> Self:
        """The same mixture, ready for the missing cells of these values (d, n)."""
        missing = {name for name, row in zip(names, values, strict=True) if np.isnan(row).any()}
        families = tuple(
            f.seeing(tuple(j for j, c in enumerate(f.columns) if c in missing))
            for f in self.families
        )
        return replace(self, families=families)

    def to_dict(self) -> list[dict[str, Any]]:
        """The components of the parameters file."""
        return [
            {
                "colour": colour,
                "weight": float(weight),
                **self._kind_of(k),
                "distributions": [entry for f in self.families for entry in f.entries(k)],
            }
            for k, (colour, weight) in enumerate(zip(self.colours, self.weights, strict=True))
        ]

    def _kind_of(self, k: int) -> dict[str, str]:
        """A component's own model, where components differ in it."""
        found = self.families[0].kind_of(k)
        return {"model": found} if found else {}

    @classmethod
    def from_dict(cls, components: Sequence[Mapping[str, Any]], model: str) -> Self:
        """The mixture of a parameters file; ValueError or KeyError says what is wrong with it."""
        weights = np.array([c["weight"] for c in components], float)
        colours = tuple(c["colour"] for c in components)
        kinds = split(model, "|")
        if len(kinds) > 1:
            part = Part(Assorted, (), options={"names": kinds})
            return cls(weights, (Assorted.from_dict(part, components),), colours=colours)
        terms = parse(model)[0]
        blocks = list(zip(*(c["distributions"] for c in components), strict=True))
        if [term.family for term in terms] != [found[0]["family"] for found in blocks]:
            raise ValueError(f"their families are not those of the model '{model}'")
        families = tuple(term.read(found) for term, found in zip(terms, blocks, strict=True))
        return cls(weights, families, colours=colours)

    @property
    def given(self) -> tuple[str, ...]:
        """The columns that must be known to draw from it."""
        return undrawn(self.families)

    def sample(
        self, rng: np.random.Generator, n: int, given: dict[str, Array] | None = None
    ) -> tuple[Array, Codes]:
        """n rows: values (inputs, n) and the component each came from (n,)."""
        colours = rng.choice(self.k, size=n, p=self.weights / self.weights.sum())
        found = dict(given or {})
        for family in drawable(self.families):
            known = [found[name] for name in family.given if name in found]
            rows = np.vstack(known) if known and len(known) == len(family.given) else None
            found |= dict(zip(family.inputs, family.sample(rng, colours, rows), strict=True))
        return np.vstack([found[name] for name in self.inputs]), colours


def _flat(found: Any) -> list[float]:
    """The numbers of a component's parameters, in order."""
    if isinstance(found, dict):
        return [x for key, v in found.items() if key != "levels" for x in _flat(v)]
    if isinstance(found, (list, tuple)):
        return [x for v in found for x in _flat(v)]
    return [found] if isinstance(found, (int, float)) else []
