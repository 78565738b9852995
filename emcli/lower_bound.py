"""The lower bounds by which EM climbs, along the way it took: the textbook's picture in numbers.

At every theta the log-likelihood is at least

    log L(theta_t) + Q(theta | theta_t) - Q(theta_t | theta_t)

(Dempster, Laird & Rubin 1977). The E step at theta_t builds this bound; it touches the likelihood
there, in value and in slope, and the M step goes to where it is highest. The way is two straight
lines in unconstrained coordinates, theta_t to theta_{t+1} to theta_{t+2}, in the chart around the
one in the middle: lines through the centre of a chart turn orientations along geodesics, and what
stays at a boundary of its range is held there. Positions on it are lengths in the metric of the
complete-data information, the one in which EM is steepest ascent: there bounds are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emcli.em import Step, base_measure, e_step
from emcli.evaluation import places
from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.numerics import Array
from emcli.sources.memory import MemorySource

# The picture goes on beyond both ends of the way by this share of its longer half.
BEYOND = 0.5
POINTS = 121
# A step that is at least this share of the one before can be seen beside it; it is looked for
# among the first so many that have this share of the whole gain.
SEEN, EARLY, GAIN = 0.5, 50, 0.01


def log_likelihood(theta: Mixture, source: MemorySource) -> float:
    """log p(X | theta)."""
    return float(e_step(theta, source).log_likelihood) + base_measure(theta, source)


def q(theta: Mixture, here: Mixture, source: MemorySource) -> float:
    """Q(theta | here), however far apart they are, without h(x).

    The sums that `em.q` reads may tell of Q near `here` alone: a Newton step needs no more. So this
    adds up r log pi_k p_k(x) over the rows, and what Q has beside it where the M step is over
    more than the colours.
    """
    now, there = here.at(source.names), theta.at(source.names)

    def expected(block: Block) -> float:
        r = now.posterior(block)[0].copy()  # the next evaluation writes where this one did
        r = r if block.weights is None else r * block.weights
        found = float((r * there.joint(block)[0]).sum())
        for family, other in zip(theta.families, here.families, strict=True):
            found += family.surplus(other, block.take(places(family.inputs, source.names)), r)
        return found

    return source.total(expected, now.width)


def lower_bound(step: Step, source: MemorySource) -> Callable[[Mixture], float]:
    """What the E step there says that log p(X | theta) is at least, of any theta."""
    here = step.mixture
    level = step.log_likelihood - q(here, here, source)
    return lambda theta: level + q(theta, here, source)


@frozen
class Path:
    """The way through three steps of EM: lines from the one in the middle back and ahead.

    middle: theta_{t+1}; back, ahead: (p,) where the others lie in the chart around it.
    """

    middle: Mixture
    back: Array
    ahead: Array

    @classmethod
    def through(cls, first: Mixture, middle: Mixture, last: Mixture) -> Path:
        """The way from the first to the middle to the last."""
        centre = middle.to_vector()
        back, ahead = (_away(one.to_vector(middle), centre) for one in (first, last))
        return cls(middle, back, ahead)

    def at(self, x: float) -> Mixture:
        """The mixture so far ahead of the middle, or behind it where x is negative."""
        away, length = (self.ahead, self.lengths[1]) if x > 0 else (self.back, self.lengths[0])
        share = abs(x) / length if length else 0.0
        return self.middle.from_vector(self.middle.to_vector() + share * away)

    @property
    def lengths(self) -> tuple[float, float]:
        """Of both lines, in the metric of one row's complete-data information."""
        squares = [(a * self.middle.information(a)).sum() for a in (self.back, self.ahead)]
        first, second = np.sqrt(np.maximum(squares, 0.0)).tolist()
        return first, second


def _away(vector: Array, centre: Array) -> Array:
    """From the centre of a chart to a point; nought where both are at a boundary."""
    with np.errstate(invalid="ignore"):
        away = vector - centre
    return np.where(np.isfinite(away), away, 0.0)


@frozen
class Curves:
    """What the picture shows, along the way.

    steps: theta_t, theta_{t+1}, theta_{t+2}; knots: (3,) where they lie; x: (m,) positions, the
    knots among them; likelihood: (m,); bounds: (2, m) those built at theta_t and theta_{t+1}.
    """

    steps: tuple[Step, Step, Step]
    knots: Array
    x: Array
    likelihood: Array
    bounds: Array


def curves(steps: Sequence[Step], source: MemorySource, points: int = POINTS) -> Curves:
    """The likelihood and the bounds of two E steps along the way of three consecutive steps."""
    first, second, third = steps
    path = Path.through(first.mixture, second.mixture, third.mixture)
    before, after = path.lengths
    knots, margin = np.array([-before, 0.0, after]), BEYOND * max(before, after)
    x = np.union1d(np.linspace(knots[0] - margin, after + margin, points), knots)
    thetas = [path.at(position) for position in x]
    likelihood = np.array([log_likelihood(theta, source) for theta in thetas])
    built = [lower_bound(step, source) for step in (first, second)]
    bounds = np.array([[bound(theta) for theta in thetas] for bound in built])
    return Curves((first, second, third), knots, x, likelihood, bounds)


def instructive(steps: Sequence[Step]) -> int:
    """The iteration t at which a picture tells most: its second step can be seen beside the first.

    The first such, or of the early ones the one where it can be seen best.
    """
    reached = [step.log_likelihood for step in steps]
    best, share = 0, 0.0
    for t in range(min(len(steps) - 2, EARLY)):
        if reached[t + 2] - reached[t] < GAIN * (reached[-1] - reached[0]):
            continue
        before, after = Path.through(*(step.mixture for step in steps[t : t + 3])).lengths
        if after > share * before:
            best, share = t, after / before if before else 0.0
        if share >= SEEN:
            break
    return best
