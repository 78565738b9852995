"""What a picture is of: a fit, the rows it is shown with, and how its components look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emcli import palette
from emcli.columns import Column, Data
from emcli.fitted import Fitted
from emcli.numerics import Array


@dataclass(frozen=True)
class Scene:
    """A fit and the rows; nothing is evaluated before it is wanted.

    data: the rows as the model sees them, None where a picture needs none; threads: cores to use.
    """

    fitted: Fitted
    data: Data | None = None
    threads: int | None = None

    @property
    def rows(self) -> Data:
        """The data of a picture that has some."""
        assert self.data is not None, "the catalogue says that this kind of picture has rows"
        return self.data

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the model, in the order of `values`."""
        return self.fitted.columns

    @cached_property
    def values(self) -> Array:
        """(d, n): one row a column, NaN where nothing was observed, levels as codes."""
        place = {column.name: j for j, column in enumerate(self.rows.columns)}
        wanted = [place[column.name] for column in self.columns]
        whole = wanted == list(range(len(self.rows.columns)))
        return self.rows.values if whole else self.rows.values[wanted]

    def column(self, name: str) -> Array:
        """(n,) the values of one column."""
        values: Array = self.values[self.fitted.names.index(name)]
        return values

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

    @cached_property
    def _evaluated(self) -> tuple[Array, Array]:
        return self.fitted.evaluate(self.values, self.threads)

    @property
    def responsibilities(self) -> Array:
        """(K, n): each row's probabilities of the colours."""
        return self._evaluated[0]

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
