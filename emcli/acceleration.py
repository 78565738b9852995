"""Several starts on their way up, side by side: EM steps, and jumps where EM has settled.

Near the maximum EM contracts linearly and slowly. An accelerator (`quasi_newton`, `squarem`) looks
at the last steps and says where to try next; a jump that leaves the parameters' domain or falls by
more than a nat is taken back, and EM goes on from where it was. Jumps begin when plain EM has
settled: from the first step on they were measured to leave the basin the start was chosen for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emcli.em import HALVES, e_step, halfway, m_step, overshot
from emcli.errors import DegenerateError
from emcli.expectation import Expectation
from emcli.frozen import frozen, replace
from emcli.jump import Accelerator, Metric, Way
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask
from emcli.sources.memory import MemorySource

PLAIN_STEPS = 20
DIP = 1.0
# On tables of so many rows a start that is alone may look at their information, if so many steps
# have been taken for each pass that it costs, and many times more than is enough is left to gain.
LARGE = 10_000
LOOK = 3.0
MUCH = 100.0

# How a start came to be where it is: it began there, by an EM step, by a jump.
FIRST, STEP, JUMP = range(3)

FAILURES = (DegenerateError, np.linalg.LinAlgError)


@frozen
class Climb:
    """Where each start of a stack is, and what there must be known of its way to go on.

    here: the stack; kind: (S,) how it got there; before, sums: where it came from, and the E step
    there (None at first); taken: steps so far; plain: how many are EM's own before jumps begin;
    memory: the accelerator's, None for plain EM; halves: how often in a row some M step overshot;
    looked: steps taken when it looked at the rows' information, or began.
    """

    here: Mixture
    kind: Any
    before: Mixture
    sums: Expectation | None
    taken: int
    plain: int
    memory: Accelerator | None
    halves: int = 0
    looked: int = 0

    @classmethod
    def begin(
        cls, here: Mixture, acceleration: str, taken: int = 0, metric: Metric | None = None,
        plain: int = PLAIN_STEPS,
    ) -> Climb:
        """A stack at the beginning of its way, or after so many steps; a stack of one perhaps with
        what is known of the information here."""
        memory: Accelerator | None = None
        if acceleration == "lbfgs":
            from emcli.quasi_newton import Memory

            memory = Memory.empty(here, metric)
        elif acceleration == "squarem":
            from emcli.squarem import Squarem

            memory = Squarem.empty(here)
        first = np.full(len(here.weights), FIRST)
        return cls(here, first, here, None, taken, plain, memory, looked=taken)

    def __len__(self) -> int:
        return len(self.kind)

    def select(self, starts: Any) -> Climb:
        """Some of the starts."""
        return Climb(
            self.here.select(starts), self.kind[starts], self.before.select(starts),
            self.sums and self.sums.select(starts),
            self.taken, self.plain, self.memory and self.memory.select(starts), self.halves,
            self.looked,
        )  # fmt: skip

    @classmethod
    def join(cls, climbs: Sequence[Climb]) -> Climb:
        """Stacks that went side by side as one."""
        sums = [climb.sums for climb in climbs if climb.sums]
        memories = [climb.memory for climb in climbs if climb.memory]
        return cls(
            Mixture.join([climb.here for climb in climbs]),
            np.concatenate([climb.kind for climb in climbs]),
            Mixture.join([climb.before for climb in climbs]),
            Expectation.join(sums) if sums else None,
            climbs[0].taken, climbs[0].plain,
            memories[0].join(memories) if memories else None,
            max(climb.halves for climb in climbs),
            max(climb.looked for climb in climbs),
        )

    @property
    def odd(self) -> Mask:
        """(S,) which are evaluated in another form than the first, so that they must part."""
        if len(self) == 1:
            return np.zeros(1, dtype=bool)
        forms = self.here.forms
        return np.asarray((forms != forms[0]).any(axis=1))

    def evaluate(self, source: MemorySource) -> tuple[Expectation, Mask]:
        """The E step where each start is, and (S,) which failed: of those, the one before.

        Jumps fail that fall by more than a nat, M steps that are not exact where they overshot.
        """
        try:
            found = e_step(self.here, source)
        except FAILURES:
            if len(self) > 1 or self.sums is None or not self._doubtful[0]:
                raise
            return self.sums, np.array([True])
        failed = self._doubtful
        if self.sums is not None and failed.any():
            fell = ~(found.log_likelihood >= self.sums.log_likelihood - DIP)
            failed &= np.where(self.kind == JUMP, fell, overshot(self.sums, found))
            if failed.any():
                found = found.put(failed, self.sums.select(failed))
        return found, failed

    @property
    def _doubtful(self) -> Mask:
        """(S,) which may have to be taken back."""
        inexact = self.sums is not None and not self.here.exact
        return np.asarray((self.kind == JUMP) | inexact)

    def sharpened(self, source: MemorySource, told: float | None, enough: float) -> Climb:
        """One start whose next jumps go by the information in the rows, if now is the time.

        told: the gain still to come, None where it is not told; enough: when to stop.
        """
        steps = self.taken - self.looked
        if told is None or told < MUCH * enough or source.rows < LARGE:
            return self
        from emcli import information  # which only large tables need

        assert self.memory is not None and self.sums is not None  # who else could have told?
        here, sums = self.before.select(0), self.sums.select(0)
        if LOOK * information.price(here, sums, source) > steps:
            return self
        after = replace(self, looked=self.taken)
        found = information.metric(here, sums, source)
        if found is None:
            return after
        try:
            there = m_step(self.before, self.sums)
            return replace(after, memory=self.memory.sharpened(self.before, there, found))
        except (*FAILURES, ValueError):  # the chart cannot be drawn here
            return after

    def onward(
        self, sums: Expectation, failed: Mask, resting: Mask, rows: float
    ) -> tuple[Climb, Array]:
        """The M step from these sums, or a jump where EM has settled and the start is not resting.

        Also (S,) the accelerator's estimate of the gain still to come, NaN where it has none.
        """
        here = self.here.put(failed, self.before.select(failed)) if failed.any() else self.here
        there, taken = m_step(here, sums), self.taken + 1
        short = failed & (self.kind != JUMP)
        halves = self.halves + 1 if short.any() else 0
        if short.any():
            before = self.before.select(short)
            up = halves < HALVES  # else there is none
            there = there.put(short, halfway(before, self.here.select(short)) if up else before)
        kind = np.where(failed & ~short, FIRST, STEP)
        if self.memory is None or taken <= self.plain:
            ahead = replace(
                self, here=there, kind=kind, before=here, sums=sums, taken=taken, halves=halves
            )
            return ahead, np.full(len(self), np.nan)
        way = Way(self.before, here, there, self.kind == STEP, failed, ~resting & ~failed)
        jump = self.memory.see(way, rows)
        ready = jump.ready
        goal = jump.goal if ready.all() else there.put(ready, jump.goal.select(ready))
        kind = np.where(ready, JUMP, kind)
        ahead = replace(
            self, here=goal, kind=kind, before=here, sums=sums, taken=taken, halves=halves,
            memory=jump.memory,
        )  # fmt: skip
        return ahead, jump.remaining
