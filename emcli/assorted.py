"""Components of different kinds in one mixture: `poisson | negbinomial`, `gaussian | uniform`.

The first kind describes all components but the last ones, of which each of the other kinds
describes one, or holds it at given parameters. To the mixture they are one block of one family,
whose parameters, sums and charts are those of its kinds side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.evaluation import places
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.completing import together
from emcli.families.product import drawable
from emcli.frozen import immutable
from emcli.grammar import parse
from emcli.kinds import Gathered, Group, Kind
from emcli.numerics import Array, Codes, Mask


@immutable
class Assorted(Gathered):
    """Its parameters, sums and charts are those of the kinds; `Gathered` says what it is."""

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        missing = {self.columns[j] for j in incomplete}

        def ready(family: Family) -> Family:
            return family.seeing(tuple(j for j, c in enumerate(family.columns) if c in missing))

        return self._with([[ready(f) for f in group.families] for group in self.groups])

    def rebuilt(self, how: Callable[[Family], Family]) -> Self:
        return self._with([[how(f) for f in group.families] for group in self.groups])

    @property
    def plain(self) -> Self:
        return self.rebuilt(lambda family: family.plain)

    @classmethod
    def around(cls, read: Family, options: Mapping[str, Any]) -> Self:
        assert isinstance(read, cls)
        found = [
            [p.family.around(f, p.options) for p, f in zip(kind.parts, group.families, strict=True)]
            for kind, group in zip(options["kinds"], read.groups, strict=True)
        ]
        return replace(read._with(found), options=options)

    def _with(self, families: Sequence[Sequence[Family]]) -> Self:
        """The same kinds with other parameters."""
        groups = tuple(
            replace(group, families=tuple(some))
            for group, some in zip(self.groups, families, strict=True)
        )
        return replace(self, groups=groups)

    # The start

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        kinds: Sequence[Kind] = part.options["kinds"]
        first = r.shape[-2] - len(kinds) + 1
        groups = []
        for number, kind in enumerate(kinds):
            own = np.arange(first) if number == 0 else np.array([first + number - 1])
            with _telling(own):
                families = tuple(
                    p.family.estimate(p, block.take(places(p.inputs, part.inputs)), r[..., own, :])
                    for p in kind.parts
                )
            if kind.held:
                lead = families[0].own_vector.shape[:-1]
                families = tuple(
                    p.family.around(_spread(family, lead), p.options).seeing(p.incomplete)
                    for p, family in zip(kind.parts, kind.held, strict=True)
                )
            groups.append(Group(kind.name, own, families, bool(kind.held), kind.colour))
        return cls(part.columns, tuple(groups), options=part.options)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Those of the first kind."""
        return np.vstack([
            p.family.coordinates(p, block.take(places(p.inputs, part.inputs)))
            for p in part.options["kinds"][0].parts
        ])

    # Evaluation and the M step: each kind's own

    def log_density(self, block: Block) -> Array:
        lead = self.leaves[0].own_vector.shape[:-1]
        found = np.zeros((*lead, self.k, block.n))
        for group in self.groups:
            for family in group.families:
                seen = block.take(places(family.inputs, self.inputs))
                found[..., group.places, :] += family.whole_log_density(seen)
        return found

    @cached_property
    def _widths(self) -> list[list[int]]:
        """How many sums each family takes, seen on a row of any values."""

        def width(family: Family) -> int:
            row = Block(np.full((len(family.inputs), 1), 0.5))
            lead = family.own_vector.shape[:-1]
            return family.statistics(row, np.ones((*lead, family.k, 1))).shape[-1]

        return [[width(family) for family in group.families] for group in self.groups]

    def statistics(self, block: Block, r: Array) -> Array:
        width = max(sum(widths) for widths in self._widths)
        found = np.zeros((*r.shape[:-1], width))
        for group, widths in zip(self.groups, self._widths, strict=True):
            own, at = r[..., group.places, :], 0
            for family, size in zip(group.families, widths, strict=True):
                seen = block.take(places(family.inputs, self.inputs))
                found[..., group.places, at : at + size] = family.statistics(seen, own)
                at += size
        return found

    def _sums(self, n: Array, t: Array) -> list[tuple[Group, Array, list[Array]]]:
        """Each group with its weights and its families' sums."""
        found = []
        for group, widths in zip(self.groups, self._widths, strict=True):
            own = t[..., group.places, :]
            pieces = np.split(own, np.cumsum(widths), axis=-1)[:-1]
            found.append((group, n[..., group.places], pieces))
        return found

    def maximise(self, n: Array, t: Array) -> Self:
        found: list[Sequence[Family]] = []
        for group, own, sums in self._sums(n, t):
            with _telling(group.places):
                pairs = zip(group.families, sums, strict=True)
                found.append(
                    group.families if group.held else [f.maximise(own, s) for f, s in pairs]
                )
        return self._with(found)

    def q(self, n: Array, t: Array) -> float:
        return sum(
            family.q(own, s)
            for group, own, sums in self._sums(n, t)
            for family, s in zip(group.families, sums, strict=True)
        )

    def surplus(self, here: Self, block: Block, r: Array) -> float:
        return sum(
            family.surplus(other, block.take(places(family.inputs, self.inputs)), r[group.places])
            for group, at in zip(self.groups, here.groups, strict=True)
            for family, other in zip(group.families, at.families, strict=True)
        )

    # What missing cells may be: each kind has its say, and the first knows what the sums mean

    def told(self, block: Block) -> Mask:
        found = np.ones((len(self.columns), block.n), dtype=bool)
        for family in self.groups[0].families:
            seen = block.take(places(family.inputs, self.inputs))
            found[places(family.columns, self.columns)] = family.told(seen)
        return found

    def expectation(self, block: Block, r: Array) -> list[Array]:
        found: dict[str, Array] = {}
        for group in self.groups:
            for family in group.families:
                seen = block.take(places(family.inputs, self.inputs))
                sums = family.expectation(seen, r[group.places])
                for name, own in zip(family.columns, sums, strict=True):
                    found[name] = together(found[name], own) if name in found else own
        return [found[name] for name in self.columns]

    def settled(self, sums: Sequence[Array]) -> Array:
        named = dict(zip(self.columns, sums, strict=True))
        found = np.empty((len(sums), sums[0].shape[-1]))
        for family in self.groups[0].families:
            cells = family.settled([named[name] for name in family.columns])
            found[places(family.columns, self.columns)] = cells
        return found

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        found = block.values[: len(self.columns)].copy()
        for group in self.groups:
            rows, own = _colours_of(group, colours)
            for family in group.families:
                seen = Block(block.values[:, rows]).take(places(family.inputs, self.inputs))
                at = np.array([self.columns.index(name) for name in family.columns])
                found[at[:, None], rows] = family.completed(rng, own, seen)
        return found

    # Charts and stacks

    def to_vector(self, base: Self | None = None) -> Array:
        others = self.leaves if base is None else base.leaves
        vectors = [f.to_vector(b) for f, b in zip(self.leaves, others, strict=True)]
        return np.concatenate(vectors, axis=-1)

    def _split(self, vector: Array) -> list[list[Array]]:
        """Vectors of the chart, in pieces: group by group, family by family."""
        sizes = np.cumsum([family.chart_size for family in self.leaves])[:-1]
        pieces = iter(np.split(vector, sizes, axis=-1))
        return [[next(pieces) for _ in group.families] for group in self.groups]

    def from_vector(self, vector: Array) -> Self:
        return self._with([
            group.families
            if group.held
            else [f.from_vector(v) for f, v in zip(group.families, own, strict=True)]
            for group, own in zip(self.groups, self._split(vector), strict=True)
        ])

    @property
    def chart_size(self) -> int:
        return sum(family.chart_size for family in self.leaves)

    def information(self, weights: Array, vector: Array) -> Array:
        return np.concatenate([
            family.information(weights[..., group.places], own)
            for group, some in zip(self.groups, self._split(vector), strict=True)
            for family, own in zip(group.families, some, strict=True)
        ], axis=-1)

    def select(self, order: Any) -> Self:
        if self.leaves[0].own_vector.ndim > 1:
            return self.mapped(lambda a: a[order])
        groups = []
        for group in self.groups:
            own = {int(place): i for i, place in enumerate(group.places)}
            where = np.array([i for i, old in enumerate(order) if int(old) in own], dtype=np.intp)
            inner = [own[int(order[i])] for i in where]
            families = tuple(family.select(inner) for family in group.families)
            groups.append(replace(group, places=where, families=families))
        return replace(self, groups=tuple(groups))

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        rest = [iter(other.leaves) for other in others]
        return self._with([
            [family.mapped(f, *(next(some) for some in rest)) for family in group.families]
            for group in self.groups
        ])

    @property
    def forms(self) -> Array:  # type: ignore[override]
        return np.asarray(sum(f.forms * 2**i for i, f in enumerate(self.leaves)))

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        found = np.full((len(self.inputs), len(colours)), np.nan)
        known = self.given
        if given is not None:
            found[[self.inputs.index(name) for name in known]] = given
        for group in self.groups:
            at, own = _colours_of(group, colours)
            for family in drawable(group.families):
                more = [self.inputs.index(name) for name in family.given]
                ready = more and (given is not None or not set(family.given) & set(known))
                rows = found[np.array(more)[:, None], at] if ready else None
                where = np.array([self.inputs.index(name) for name in family.inputs])
                found[where[:, None], at] = family.sample(rng, own, rows)
        return found

    # The parameters file

    def to_dict(self, component: int) -> dict[str, Any]:
        families, own = self._of(component)
        return {
            f"{i}.{key}": value
            for i, family in enumerate(families)
            for key, value in family.to_dict(own).items()
        }

    def entries(self, component: int) -> list[dict[str, Any]]:
        families, own = self._of(component)
        return [entry for family in families for entry in family.entries(own)]

    def kind_of(self, component: int) -> str:
        return next(group.name for group in self.groups if component in group.places)

    def colour_of(self, component: int) -> str:
        return next(group.colour for group in self.groups if component in group.places)

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        """found: the components of the file, each of which says its kind; options: their names."""
        names: Sequence[str] = part.options["names"]
        left = list(range(len(found)))
        chosen: list[list[int]] = []
        for name in names[1:]:
            same = [i for i in left if found[i].get("model") == name]
            if not same:
                raise ValueError(f"no component is a '{name}'")
            left.remove(same[-1])
            chosen.append(same[-1:])
        if any(found[i].get("model") != names[0] for i in left):
            raise ValueError(f"all but {len(chosen)} must be '{names[0]}'")
        groups = []
        for name, own in zip(names, [left, *chosen], strict=True):
            terms = parse(name)[0]
            blocks = list(zip(*(found[i]["distributions"] for i in own), strict=True))
            if [term.family for term in terms] != [block[0]["family"] for block in blocks]:
                raise ValueError(f"a component is not the '{name}' it says")
            families = tuple(term.read(block) for term, block in zip(terms, blocks, strict=True))
            groups.append(Group(name, np.array(own), families))
        columns = tuple(name for family in groups[0].families for name in family.columns)
        return cls(columns, tuple(groups))


def _colours_of(group: Group, colours: Codes) -> tuple[Codes, Codes]:
    """The rows whose components (n,) are of this kind, and which of the kind's they are."""
    rows = np.flatnonzero(np.isin(colours, group.places))
    order = np.argsort(group.places)
    return rows, order[np.searchsorted(group.places[order], colours[rows])]


@contextmanager
def _telling(places: Codes) -> Iterator[None]:
    """What is degenerate is told by its place among all components."""
    try:
        yield
    except DegenerateError as error:
        if error.component is None:
            raise
        number = int(places[error.component])
        said = f"component {error.component + 1} ", f"component {number + 1} "
        raise DegenerateError(error.sentence.replace(*said, 1), number) from None


def _spread(family: Family, lead: tuple[int, ...]) -> Family:
    """The same parameters for every start of a stack."""

    def each(a: Array) -> Array:
        return np.broadcast_to(a, (*lead, *a.shape)).copy()

    return family.mapped(each)
