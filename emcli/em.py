"""Expectation-maximisation, the textbook on a page (Dempster, Laird & Rubin 1977).

X are the observed rows, Z their unobserved colours, theta the parameters of a mixture. EM climbs
the log-likelihood log p(X | theta) by alternating

    E step   Q(theta | theta_t) = E[ log p(X, Z | theta) | X, theta_t ]
    M step   theta_{t+1} = argmax Q(theta | theta_t)

Q is linear in the responsibilities r_ki = p(z_i = k | x_i, theta_t), so sums over rows are all
the M step needs of the data: the E step computes those sums, the M step maximises what they give.
No step lowers the likelihood: where the M step has no closed form and is a Newton step on Q, one
that overshoots is taken half as far (generalised EM). When to stop is `run`'s decision, how to get
there faster `acceleration`'s; both only take the two steps below.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emcli.errors import DegenerateError
from emcli.expectation import Expectation
from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask
from emcli.sources.memory import MemorySource


def e_step(mixture: Mixture, source: MemorySource) -> Expectation:
    """Sums over rows of the responsibilities' statistics, and the log-likelihood of `mixture`."""
    evaluation = mixture.at(source.names)
    return source.total(evaluation, evaluation.width)


def posterior(mixture: Mixture, source: MemorySource) -> tuple[Array, Array]:
    """What the E step says of each row: r (K, n), and log densities (n,) without h(x)."""
    evaluation = mixture.at(source.names)
    r, log_density = np.empty((mixture.k, source.rows)), np.empty(source.rows)

    def write(block: Block) -> None:
        rows = slice(block.start, block.start + block.n)
        r[:, rows], log_density[rows] = evaluation.posterior(block)

    source.each(write, evaluation.width)
    return r, log_density


def m_step(mixture: Mixture, expectation: Expectation) -> Mixture:
    """The parameters that maximise Q."""
    return mixture.maximise(expectation)


def q(mixture: Mixture, expectation: Expectation) -> float:
    """Q(mixture | the parameters the expectation was taken at)."""
    return mixture.q(expectation)


def halfway(here: Mixture, there: Mixture) -> Mixture:
    """The point between two in the unconstrained chart around the first.

    Raises `DegenerateError` for a step that leads nowhere.
    """
    begin = here.to_vector()
    away = there.to_vector(here) - begin
    try:
        return here.from_vector(begin + away / 2)
    except ValueError:  # out of all range, or no numbers
        raise DegenerateError("the M step leads nowhere") from None


def overshot(before: Expectation, after: Expectation) -> Mask:
    """(...) did a step lower the likelihood, by more than rounding?"""
    slack = 1e-12 * (before.n.sum(axis=-1) + np.abs(before.log_likelihood))
    return np.asarray(~(after.log_likelihood >= before.log_likelihood - slack))


# After so many halves there is no way up.
HALVES = 40


@frozen
class Step:
    """Parameters and their log-likelihood; `kind` says how they came about: "em" or "jump"."""

    mixture: Mixture
    log_likelihood: float
    kind: str = "em"


def steps(mixture: Mixture, source: MemorySource) -> Iterator[Step]:
    """Plain EM from `mixture` on, for ever; the base measure is in the log-likelihood."""
    base = base_measure(mixture, source)
    expectation = e_step(mixture, source)
    while True:
        yield Step(mixture, float(expectation.log_likelihood) + base)
        ahead = m_step(mixture, expectation)
        found = e_step(ahead, source)
        halves = 0
        while not mixture.exact and overshot(expectation, found):
            halves += 1
            ahead = halfway(mixture, ahead) if halves < HALVES else mixture
            found = e_step(ahead, source)
        mixture, expectation = ahead, found


def base_measure(mixture: Mixture, source: MemorySource) -> float:
    """The sum of log h(x), which no parameter moves."""
    return float(sum(source.once(base) for base in mixture.bases))
