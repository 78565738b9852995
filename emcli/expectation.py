"""What an E step leaves behind, and how stacks of starts are put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from emcli.frozen import frozen
from emcli.numerics import Array, Mask


@frozen
class Expectation:
    """What an E step leaves behind: sums over rows, which add.

    log_likelihood: of the parameters the step was taken at, without the base measure, (...);
    n: (..., K) sums of the responsibilities; statistics: (..., K, width) sums of each block.
    """

    log_likelihood: Array
    n: Array
    statistics: tuple[Array, ...]

    def __add__(self, other: Expectation) -> Expectation:
        return Expectation(
            self.log_likelihood + other.log_likelihood,
            self.n + other.n,
            tuple(a + b for a, b in zip(self.statistics, other.statistics, strict=True)),
        )

    def select(self, starts: Any) -> Expectation:
        """Of a stack, one or some of its starts."""
        return self._mapped(lambda a: a[starts])

    @classmethod
    def join(cls, stacks: Sequence[Expectation]) -> Expectation:
        """Several stacks as one."""
        return stacks[0]._mapped(lambda *each: np.concatenate(each), *stacks[1:])

    def put(self, mask: Mask, part: Expectation) -> Expectation:
        """The stack with others in these places (S,)."""
        return self._mapped(partial(put, mask), part)

    @property
    def flat(self) -> Array:
        """(..., q) all sums but the likelihood as vectors."""
        lead = self.log_likelihood.shape
        each = (self.n, *self.statistics)
        return np.concatenate([one.reshape(*lead, -1) for one in each], axis=-1)

    @property
    def owners(self) -> Any:
        """(q,) of which component each of those is, of one start."""
        sizes = [one.size // len(self.n) for one in (self.n, *self.statistics)]
        return np.concatenate([np.repeat(np.arange(len(self.n)), size) for size in sizes])

    def shaped(self, vectors: Array) -> Expectation:
        """Vectors (..., q) in the shape of these sums, which are of one start."""
        like = (self.n, *self.statistics)
        parts = np.split(vectors, np.cumsum([one.size for one in like])[:-1], axis=-1)
        lead = vectors.shape[:-1]
        n, *rest = (
            part.reshape(*lead, *one.shape) for part, one in zip(parts, like, strict=True)
        )
        return Expectation(np.zeros(lead), n, tuple(rest))

    def _mapped(self, f: Callable[..., Array], *others: Expectation) -> Expectation:
        return Expectation(
            f(self.log_likelihood, *(other.log_likelihood for other in others)),
            f(self.n, *(other.n for other in others)),
            tuple(
                f(*each)
                for each in zip(self.statistics, *(o.statistics for o in others), strict=True)
            ),
        )


def put(mask: Mask, a: Array, b: Array) -> Array:
    """An array (S, ...) with other rows where the mask (S,) says so."""
    a = a.copy()
    a[mask] = b
    return a
