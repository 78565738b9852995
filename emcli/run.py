"""One run of EM from one start: when it has converged, and what it ended with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from emcli.acceleration import squarem
from emcli.em import Step, steps
from emcli.errors import DegenerateError
from emcli.mixture import Mixture
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

# A run is watched for this many steps, and given the gain of as many like its last, before it is
# given up for one that lies above.
PATIENCE = 25
# Early gains may shrink fast and pick up again: a start that is only compared with others is taken
# to contract no faster than this.
CAUTION = 0.9


@dataclass
class Convergence:
    """Aitken's estimate of the gain still to come, from consecutive plain EM steps.

    Near the maximum gains shrink by a constant rate c, and gain * c / (1 - c) is left. c is the
    largest rate seen lately: right after an extrapolation the slow direction hides behind fast
    ones, and the estimate from a single ratio was measured 4,000 times too low.
    """

    tolerance: float
    cautious: bool = False  # while starts are compared: never trust a rate below CAUTION
    gains: list[float] = field(default_factory=list)  # of the current run of plain steps
    rate: float = 0.0
    last: float | None = None

    def see(self, step: Step) -> None:
        """Take note of a step's log-likelihood."""
        if step.kind != "em" or self.last is None:
            self.gains = []
        else:
            self.gains.append(step.log_likelihood - self.last)
            before, gain = ([0.0, *self.gains])[-2:]
            if 100 * self.noise < gain < before:
                self.rate = max(0.98 * self.rate, gain / before)
        self.last = step.log_likelihood

    @property
    def noise(self) -> float:
        """Gains below this are rounding errors."""
        return 1e-14 * abs(self.last or 0.0)

    @property
    def gain(self) -> float | None:
        """The last plain EM step's gain."""
        return self.gains[-1] if self.gains else None

    @property
    def remaining(self) -> float | None:
        """The estimated gain still to come, None while there is nothing to tell from."""
        if len(self.gains) < 2:
            return None
        gain, before = max(self.gains[-1], 0.0), self.gains[-2]
        rate = max(self.rate, gain / before if before > 0 else 0.0, CAUTION * self.cautious)
        return gain * rate / (1 - rate) if rate < 1 else None

    @property
    def resting(self) -> bool:
        """Is the end near enough for plain steps to decide?"""
        return bool(self.gains) and self.gains[-1] * self.rate <= self.tolerance * (1 - self.rate)

    @property
    def stopped(self) -> str | None:
        """Why EM may stop now: "tolerance", "precision" or not at all."""
        if len(self.gains) >= 3:
            if all(abs(gain) <= self.noise for gain in self.gains[-3:]):
                return "precision"
            if (remaining := self.remaining) is not None and remaining <= self.tolerance:
                return "tolerance"
        return None


class Run:
    """One start of EM: advanced by some steps at a time, it keeps the best point it has seen."""

    def __init__(
        self,
        mixture: Mixture,
        source: MemorySource,
        stopping: Stopping,
        watch: Callable[[Step, Run], None] = lambda step, run: None,
    ) -> None:
        self.convergence = Convergence(stopping.tolerance)
        self.best = Step(mixture, -float("inf"))
        self.iterations = -1  # the first step evaluates the start
        self.stopped: str | None = None
        self.trouble: DegenerateError | None = None
        self._limit, self._tolerance = stopping.max_iterations, stopping.tolerance
        self._watch = watch
        accelerate = stopping.acceleration == "squarem"
        self._steps = (
            squarem(mixture, source, self._rests) if accelerate else steps(mixture, source)
        )

    def _rests(self) -> bool:
        return self.convergence.resting

    def _hopeless(self, rival: float) -> bool:
        gain = self.convergence.gain
        if gain is None or self.iterations < PATIENCE:
            return False
        return self.best.log_likelihood + PATIENCE * max(gain, 0.0) + 1 < rival

    @property
    def converged(self) -> bool:
        return self.stopped in ("tolerance", "precision")

    def advance(
        self,
        most: int | None = None,
        tolerance: float | None = None,
        rival: float = -float("inf"),
        late: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Take steps until converged to this tolerance (or the run's own), at most so many.

        A run far below a rival's log-likelihood, with gains that will not get it there, gives up.

        A run that stopped at a looser tolerance goes on where it was. One that met its limits or
        trouble stays stopped.
        """
        if self.stopped == "outdone" or (
            self.converged and tolerance is None and self.convergence.cautious
        ):
            self.stopped = None
        self.convergence.cautious = tolerance is not None
        self.convergence.tolerance = max(self._tolerance, tolerance or 0.0)
        taken = 0
        while not self.stopped and (most is None or taken < most):
            try:
                # What overflows is told by a likelihood that is not finite.
                with np.errstate(all="ignore"):
                    step = next(self._steps)
            except DegenerateError as trouble:
                self.stopped, self.trouble = "degenerate", trouble
                break
            taken += 1
            self.iterations += 1
            if not isfinite(step.log_likelihood):
                self.stopped = "degenerate"
                self.trouble = DegenerateError("the log-likelihood is not finite")
                break
            self.convergence.see(step)
            if step.log_likelihood >= self.best.log_likelihood:
                self.best = step
            self._watch(step, self)
            self.stopped = self.convergence.stopped
            if not self.stopped and self.iterations >= self._limit:
                self.stopped = "max_iterations"
            elif not self.stopped and self._hopeless(rival):
                self.stopped = "outdone"
            elif not self.stopped and late():
                self.stopped = "max_time"
        return self
