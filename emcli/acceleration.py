"""SQUAREM: squared extrapolation of EM steps (Varadhan & Roland 2008, scheme S3).

Near the maximum EM contracts linearly and slowly. From three consecutive points
theta_0 -> theta_1 -> theta_2 with r = theta_1 - theta_0 and v = theta_2 - 2 theta_1 + theta_0 it
jumps to theta_0 - 2 a r + a^2 v, a = -|r|/|v|, in unconstrained coordinates, and goes on with EM
from there. A jump that leaves the parameters' domain or falls by more than a nat below the last
plain point is taken back. It starts when plain EM has settled: from the first step it was
measured to leave the basin the start was chosen for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from emcli.em import Step, base_measure, e_step, m_step
from emcli.errors import DegenerateError
from emcli.mixture import Expectation, Mixture
from emcli.sources.memory import MemorySource

PLAIN_STEPS = 20
DIP = 1.0


def squarem(
    mixture: Mixture, source: MemorySource, resting: Callable[[], bool]
) -> Iterator[Step]:
    """EM from `mixture` on, for ever, accelerated once settled.

    While `resting()` is true the steps are plain ones, from which convergence is told.
    """
    base = base_measure(mixture, source)
    expectation = e_step(mixture, source)
    yield Step(mixture, expectation.log_likelihood + base)
    taken, longest = 0, 4.0
    while True:
        first, second = mixture, m_step(mixture, expectation)
        expectation = e_step(second, source)
        plain = expectation.log_likelihood
        yield Step(second, plain + base)
        taken += 1
        mixture = second
        if taken < PLAIN_STEPS or resting():
            continue
        third = m_step(second, expectation)
        jump, length = extrapolate(first, second, third, longest)
        landed = land(jump, source, plain - DIP) if jump else None
        longest = 4 * longest if jump and landed and length >= longest else longest
        if jump and landed:
            mixture, expectation = jump, landed
            yield Step(mixture, expectation.log_likelihood + base, "jump")
        else:
            longest = max(longest / 2, 2.0)
            mixture, expectation = third, e_step(third, source)
            yield Step(mixture, expectation.log_likelihood + base)


def extrapolate(
    first: Mixture, second: Mixture, third: Mixture, longest: float
) -> tuple[Mixture | None, float]:
    """The mixture SQUAREM jumps to and its step length; None where there is no such mixture."""
    try:
        zero, one, two = (m.to_vector(third) for m in (first, second, third))
        r, v = one - zero, two - 2 * one + zero
        bend = float(np.linalg.norm(v))
        if not np.isfinite(bend) or bend == 0:
            return None, 0.0
        length = min(max(float(np.linalg.norm(r)) / bend, 1.0), longest)
        return third.from_vector(zero + 2 * length * r + length * length * v), length
    except (ValueError, np.linalg.LinAlgError):
        return None, 0.0


def land(jump: Mixture, source: MemorySource, least: float) -> Expectation | None:
    """The E step at the point jumped to; None where it is invalid or falls too far."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            expectation = e_step(jump, source)
    except (FloatingPointError, np.linalg.LinAlgError, DegenerateError):
        return None
    return expectation if expectation.log_likelihood >= least else None
