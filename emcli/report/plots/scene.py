"""What a picture is of: a fit, the rows it is shown with, and how its components look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from emcli import palette
from emcli.columns import Column, Data
from emcli.errors import InputError
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.families.interval import Interval
from emcli.fitted import Fitted
from emcli.frozen import frozen
from emcli.kinds import Gathered
from emcli.numerics import Array, Codes, Mask, safe_log
from emcli.replay import Replay

# Rows whose densities are worked out at once.
AT_ONCE = 65_536


@frozen
class Scene:
    """A fit and the rows; nothing is evaluated before it is wanted.

    fitted: as the rows are seen, their labels and intervals known where they have some; data: the
    rows as it sees them, None where a picture needs none; threads: cores to use; last: of a moving
    picture, the scene it ends with.
    """

    fitted: Fitted
    data: Data | None = None
    threads: int | None = None
    last: Scene | None = None

    @property
    def settled(self) -> Scene:
        """The scene whose colours choose directions and bins, which do not move."""
        return self.last or self

    def __post_init__(self) -> None:
        if self.data is None:
            return
        for column, missing in zip(self.data.columns, self.data.missing, strict=True):
            if missing == self.n:
                raise InputError(
                    f"no row has a value of '{column.name}'", "give rows that have some"
                )

    @property
    def rows(self) -> Data:
        """The data of a picture that has some."""
        assert self.data is not None, "the catalogue says that this kind of picture has rows"
        return self.data

    @cached_property
    def replay(self) -> Replay:
        """Plain EM on these rows, from the start of the fit."""
        return Replay(self.fitted, self.rows, self.threads)

    @cached_property
    def plain(self) -> Fitted:
        """The fit of rows that are seen as they are."""
        return self.fitted.forgetting()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the model."""
        return self.plain.columns

    def column(self, name: str) -> Array:
        """(n,) the values of one column: NaN where nothing was observed, levels as codes.

        What is known to lie between two values is taken for the middle; where it can be as large,
        or as small, as it will, it is drawn from the fit, always alike.
        """
        place = {column.name: j for j, column in enumerate(self.rows.columns)}
        values: Array = self.rows.values[place[name]]
        for places, family in self.pieces():
            if not (isinstance(family, Interval) and family.upper and family.columns == (name,)):
                continue
            upper = self.rows.values[place[family.upper]]
            beyond = np.isinf(values) | np.isinf(upper)
            with np.errstate(invalid="ignore"):
                found = values + (upper - values) / 2
                rows = np.flatnonzero(np.isin(self.best, places) & beyond)
                colours = np.searchsorted(places, self.best[rows])
                block = Block(np.array([values[rows], upper[rows]]))
                found[rows] = family.completed(np.random.default_rng(0), colours, block)[0]
            values = np.where(np.isin(self.best, places), found, values)
        return values

    @property
    def drawn(self) -> str:
        """What a caption says where some values of a column are drawn."""
        place = {column.name: j for j, column in enumerate(self.rows.columns)}
        partly = [f for _, f in self.pieces() if isinstance(f, Interval) and f.upper]
        inputs = [place[name] for family in partly for name in family.inputs]
        if not np.isinf(self.rows.values[inputs]).any():
            return ""
        return "Rows known only to lie beyond a value stand where the fit draws them."

    def known(self, name: str) -> Column:
        """What the model knows of a column."""
        return self.columns[self.plain.names.index(name)]

    def levels(self, name: str) -> list[str]:
        """The levels of a column in the order of their codes; none for numbers."""
        return [str(level) for level in self.known(name).levels or ()]

    @cached_property
    def weights(self) -> Array:
        """(n,): what each row counts for, 1 unless told."""
        given = self.rows.weights
        return np.ones(self.n) if given is None else given

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.rows.values.shape[1])

    @property
    def total(self) -> float:
        """What all rows count for together."""
        return float(self.weights.sum())

    def thinned(self, most: int) -> Scene:
        """The same of at most so many rows, evenly taken, each of which stands for several."""
        step = -(-self.n // most)
        if step <= 1:
            return self
        values = np.ascontiguousarray(self.rows.values[:, ::step])
        weights = self.weights[::step]
        weights = weights * (self.total / weights.sum())
        return replace(self, data=replace(self.rows, values=values, weights=weights))

    @cached_property
    def _evaluated(self) -> tuple[Array, Array]:
        return self.fitted.evaluate(self.rows.values, self.threads)

    @property
    def responsibilities(self) -> Array:
        """(K, n): each row's probabilities of the colours."""
        return self._evaluated[0]

    @property
    def masses(self) -> Array:
        """(K, n): what each row counts for in each colour."""
        return self.responsibilities * self.weights

    @property
    def log_density(self) -> Array:
        """(n,): each row's log density under the mixture, in nats."""
        return self._evaluated[1]

    @cached_property
    def best(self) -> np.ndarray:
        """(n,): the number of each row's likeliest colour."""
        return self.responsibilities.argmax(axis=0)

    @property
    def k(self) -> int:
        """The number of components."""
        return self.fitted.mixture.k

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the colours."""
        return self.fitted.mixture.colours

    @cached_property
    def looks(self) -> tuple[str, ...]:
        """How the colours look: `#rrggbb` each."""
        return palette.hexes(self.names)

    @cached_property
    def distributions(self) -> list[list[dict[str, Any]]]:
        """The components' parameters, as the parameters file has them."""
        return [component["distributions"] for component in self.plain.mixture.to_dict()]

    @property
    def behind(self) -> Mask:
        """(K,) which components are background."""
        return self.fitted.mixture.families[0].behind

    @property
    def blocks(self) -> list[Family]:
        """The independent blocks of a component; of several kinds, those of the first."""
        found: list[Family] = []
        for family in self.plain.mixture.families:
            found += family.groups[0].families if isinstance(family, Gathered) else [family]
        return found

    def pieces(self) -> Iterator[tuple[Codes, Family]]:
        """Every family of the model, and the numbers of the components it describes."""
        for family in self.fitted.mixture.families:
            if not family.written:
                continue
            if isinstance(family, Gathered):
                for group in family.groups:
                    yield from ((group.places, one) for one in group.families)
            else:
                yield np.arange(self.k), family

    def log_joint(
        self, names: Sequence[str], points: Array, beside: Sequence[str] = ()
    ) -> Array:
        """(K, m): log pi_k p_k of these columns alone, at points (names and beside, m).

        The other columns count as not observed, so that these are marginal densities; minus
        infinity outside a family's support. beside: what a family reads beside its columns
        (trials, regressors), whose own densities are left out.
        """
        found = np.repeat(safe_log(self.fitted.mixture.weights)[:, None], points.shape[1], axis=1)
        given = [*names, *beside]
        with np.errstate(all="ignore"):
            for start in range(0, points.shape[1], AT_ONCE):
                some = slice(start, start + AT_ONCE)
                for places, family in self.pieces():
                    if not set(family.columns).isdisjoint(names):
                        found[places, some] += _log_density(family, given, points[:, some])
        return found

    def densities(
        self, names: Sequence[str], points: Array, beside: Sequence[str] = ()
    ) -> Array:
        """(K, m): pi_k p_k of these columns alone; they add up to the mixture's density."""
        found: Array = np.exp(self.log_joint(names, points, beside))
        return found


def _log_density(family: Family, names: Sequence[str], points: Array) -> Array:
    """(components, m): of the family's columns that are named, at points (names, m)."""
    values = np.full((len(family.inputs), points.shape[1]), np.nan)
    for j, name in enumerate(family.inputs):
        if isinstance(family, Interval):
            name = family.columns[0]  # both sides are the value itself
        if name in names:
            values[j] = points[names.index(name)]
    lost = tuple(int(j) for j in np.flatnonzero(np.isnan(values).any(axis=1)))
    own = values[: len(family.columns)]
    inside = np.all([np.isnan(row) | family.plain.inside(row) for row in own], axis=0)
    found = np.full((family.k, points.shape[1]), -np.inf)
    block = Block(values[:, inside])
    density = family.seeing(lost).log_density(block)
    base = family.base()
    found[:, inside] = density if base is None else density + base(block.values)
    return found
