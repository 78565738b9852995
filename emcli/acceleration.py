"""SQUAREM: squared extrapolation of EM steps (Varadhan & Roland 2008, scheme S3).

Near the maximum EM contracts linearly and slowly. From three consecutive points
theta_0 -> theta_1 -> theta_2 with r = theta_1 - theta_0 and v = theta_2 - 2 theta_1 + theta_0 it
jumps to theta_0 - 2 a r + a^2 v, a = -|r|/|v|, in unconstrained coordinates, and goes on with EM
from there. A jump that leaves the parameters' domain or falls by more than a nat below the last
plain point is taken back. It starts when plain EM has settled: from the first step it was
measured to leave the basin the start was chosen for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emcli.em import e_step, m_step
from emcli.errors import DegenerateError
from emcli.mixture import Expectation, Mixture
from emcli.numerics import Array, Mask
from emcli.sources.memory import MemorySource

PLAIN_STEPS = 20
DIP = 1.0

# How a start came to be where it is: as the first point of a cycle, by an EM step, by a jump.
FIRST, STEP, JUMP = range(3)

FAILURES = (DegenerateError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Climb:
    """Where each start of a stack is, and what there must be known of its way to go on.

    here: the stack; kind: (S,) how it got there; before, sums: where it came from, and the E step
    there (None at first); taken: (S,) plain steps so far; length, longest: (S,) of the last jump,
    and that it may have.
    """

    here: Mixture
    kind: Any
    before: Mixture
    sums: Expectation | None
    taken: Any
    length: Array
    longest: Array

    @classmethod
    def begin(cls, here: Mixture, settled: bool = False) -> Climb:
        """A stack at the beginning of its way; settled, it may jump at once."""
        s = len(here.weights)
        taken = np.full(s, PLAIN_STEPS if settled else 0)
        return cls(here, np.full(s, FIRST), here, None, taken, np.zeros(s), np.full(s, 4.0))

    def __len__(self) -> int:
        return len(self.kind)

    def select(self, starts: Any) -> Climb:
        """Some of the starts."""
        return Climb(
            self.here.select(starts), self.kind[starts], self.before.select(starts),
            self.sums and self.sums.select(starts),
            self.taken[starts], self.length[starts], self.longest[starts],
        )  # fmt: skip

    @classmethod
    def join(cls, climbs: Sequence[Climb]) -> Climb:
        """Several stacks as one."""
        sums = [climb.sums for climb in climbs if climb.sums]
        return cls(
            Mixture.join([climb.here for climb in climbs]),
            np.concatenate([climb.kind for climb in climbs]),
            Mixture.join([climb.before for climb in climbs]),
            Expectation.join(sums) if sums else None,
            np.concatenate([climb.taken for climb in climbs]),
            np.concatenate([climb.length for climb in climbs]),
            np.concatenate([climb.longest for climb in climbs]),
        )

    def evaluate(self, source: MemorySource) -> tuple[Expectation, Mask]:
        """The E step where each start is, and (S,) which jumps failed: of those, the one before."""
        try:
            found = e_step(self.here, source)
        except FAILURES:
            if len(self) > 1 or self.kind[0] != JUMP or self.sums is None:
                raise
            return self.sums, np.array([True])
        failed = self.kind == JUMP
        if self.sums is not None and failed.any():
            failed &= ~(found.log_likelihood >= self.sums.log_likelihood - DIP)
            if failed.any():
                found = found.put(failed, self.sums.select(failed))
        return found, failed

    def onward(self, sums: Expectation, failed: Mask, may_jump: Mask) -> Climb:
        """The M step from these sums, or a jump where a start may and two EM steps lie behind."""
        here = self.here.put(failed, self.before.select(failed)) if failed.any() else self.here
        there = m_step(here, sums)
        longest = np.where((self.kind == JUMP) & (self.length >= self.longest), 4.0, 1.0)
        longest = np.where(failed, np.maximum(self.longest / 2, 2.0), longest * self.longest)
        taken = self.taken + (self.kind == STEP)
        leap = may_jump & (self.kind == STEP) & (taken >= PLAIN_STEPS)
        length = np.zeros(len(self))
        goal = there
        if leap.any():
            first, second, third = (m.select(leap) for m in (self.before, here, there))
            jump, length[leap] = extrapolate(first, second, third, longest[leap])
            goal = there.put(leap, jump)
            longest = np.where(leap & (length == 0), np.maximum(longest / 2, 2.0), longest)
        kind = np.where(length > 0, JUMP, np.where(failed, FIRST, STEP))
        return Climb(goal, kind, here, sums, taken, length, longest)


def extrapolate(
    first: Mixture, second: Mixture, third: Mixture, longest: Array
) -> tuple[Mixture, Array]:
    """The stack SQUAREM jumps to and the lengths (S,); where there is no jump, third and zero."""
    try:
        zero, one = Mixture.stack([first, second]).to_vector(third)
        two = third.to_vector()
        r, v = one - zero, two - 2 * one + zero
        bend = np.linalg.norm(v, axis=-1)
        if not (np.isfinite(bend) & (bend > 0)).all():
            raise ValueError("no curvature to go by")
        length = np.clip(np.linalg.norm(r, axis=-1) / bend, 1.0, longest)
        a = length[:, None]
        return third.from_vector(zero + 2 * a * r + a * a * v), length
    except (ValueError, np.linalg.LinAlgError):
        if len(longest) == 1:
            return third, np.zeros(1)
    alone = [
        extrapolate(first.select([i]), second.select([i]), third.select([i]), longest[[i]])
        for i in range(len(longest))
    ]
    return Mixture.join([jump for jump, _ in alone]), np.concatenate([a for _, a in alone])
