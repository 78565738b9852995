"""What an accelerator is asked and what it answers: from where EM has been, where to try next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask


@frozen
class Metric:
    """The information of one row in the chart around a mixture, as `information` finds it.

    beside: (p, r), Z where W^-1 + Z Z' inverts it, W being the complete data's; in single
    precision, for it only says where to look. least: of all directions the least share of W.
    """

    beside: Any
    least: float


@frozen
class Way:
    """The last steps of a stack of starts.

    before, here, there: where they were, are, and are led by an EM step; stepped: (S,) is here
    where EM led them from before? lost: (S,) those whose last jump failed; free: (S,) may jump.
    """

    before: Mixture
    here: Mixture
    there: Mixture
    stepped: Mask
    lost: Mask
    free: Mask

    def select(self, starts: Sequence[int] | Mask) -> Way:
        """Some of the starts."""
        return Way(
            self.before.select(starts), self.here.select(starts), self.there.select(starts),
            self.stepped[starts], self.lost[starts], self.free[starts],
        )  # fmt: skip


@frozen
class Jump:
    """memory: what the accelerator knows now; goal: the stack to try, for the starts that are
    ready (S,); remaining: (S,) an upper estimate of the gain still to come, NaN for not known.
    """

    memory: Accelerator
    goal: Mixture
    ready: Mask
    remaining: Array


class Accelerator(Protocol):
    """What is known of the way of each start of a stack; immutable."""

    @classmethod
    def empty(cls, here: Mixture) -> Self: ...

    def select(self, starts: Sequence[int] | Mask) -> Self: ...

    @classmethod
    def join(cls, parts: Sequence[Any]) -> Self: ...

    def sharpened(self, here: Mixture, there: Mixture, metric: Metric) -> Self: ...

    def see(self, way: Way, rows: float) -> Jump: ...
