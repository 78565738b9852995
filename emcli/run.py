"""Runs of EM, several side by side: when each has converged, and what it ended with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from math import isfinite

import numpy as np

from emcli.acceleration import FAILURES, JUMP, PLAIN_STEPS, Climb
from emcli.em import Step, base_measure
from emcli.errors import DegenerateError
from emcli.expectation import Expectation
from emcli.frozen import mutable
from emcli.jump import Metric
from emcli.mixture import Mixture
from emcli.numerics import Mask
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

# A run is watched for this many steps, and given the gain of as many like its last, before it is
# given up for one that lies above.
PATIENCE = 25
SETTLED = 5  # such steps where it begins near its end
# Side by side on so few rows, where a jump of all costs more than a step, starts begin to jump when
# those that are outdone have gone. A seventh of a small fit.
FEW_ROWS = 2_000
# Early gains may shrink fast and pick up again: a start that is only compared with others is taken
# to contract no faster than this.
CAUTION = 0.9


@mutable
class Convergence:
    """Aitken's estimate of the gain still to come, from consecutive plain EM steps.

    Near the maximum gains shrink by a constant rate c, and gain * c / (1 - c) is left. c is the
    largest rate seen lately: right after an extrapolation the slow direction hides behind fast
    ones, and the estimate from a single ratio was measured 4,000 times too low.
    """

    tolerance: float
    cautious: bool = False  # while starts are compared: never trust a rate below CAUTION
    gains: list[float] = field(default_factory=list)  # of the current run of plain steps
    changes: list[float] = field(default_factory=list)  # of the last steps, whatever their kind
    rate: float = 0.0
    last: float | None = None
    told: float | None = None  # by an accelerator, of the gain still to come

    def see(self, log_likelihood: float, plain: bool = True) -> None:
        """Take note of a step's log-likelihood."""
        self.told = None
        if self.last is not None:
            self.changes = [*self.changes[-2:], abs(log_likelihood - self.last)]
        if not plain or self.last is None:
            self.gains = []
        else:
            self.gains.append(log_likelihood - self.last)
            before, gain = ([0.0, *self.gains])[-2:]
            if 100 * self.noise < gain < before:
                self.rate = max(0.98 * self.rate, gain / before)
        self.last = log_likelihood

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
        if self.told is not None:
            return self.told
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
        if len(self.changes) == 3 and max(self.changes) <= self.noise:
            return "precision"
        if len(self.gains) >= 3 or self.told is not None:
            remaining = self.remaining
            return "tolerance" if remaining is not None and remaining <= self.tolerance else None
        return None


class Run:
    """What has become of one start of EM; it keeps the best point it has seen.

    settled: it begins where EM has been on a sample of the rows; metric: what these rows told of
    the information there.
    """

    def __init__(
        self, mixture: Mixture, stopping: Stopping, watch: Watch | None = None,
        settled: bool = False, metric: Metric | None = None,
    ) -> None:
        self.settled, self.metric = settled, metric
        self.convergence = Convergence(stopping.tolerance)
        self.iterations = -1  # the first step evaluates the start
        self.stopped: str | None = None
        self.trouble: DegenerateError | None = None
        self.here: Place = (mixture, None)
        self.ahead: tuple[Climb, int] | None = None  # where it will go on after a pause
        self._best: tuple[float, Place] = (-float("inf"), self.here)
        self._watch = watch

    @property
    def reached(self) -> float:
        """The log-likelihood of the best point seen."""
        return self._best[0]

    @property
    def best(self) -> Step:
        """The best point seen."""
        return Step(at(self._best[1]), self.reached)

    @property
    def converged(self) -> bool:
        return self.stopped in ("tolerance", "precision")

    def resume(self) -> None:
        """Go on, unless it met its limits or trouble."""
        if self.stopped == "outdone" or (self.converged and self.convergence.cautious):
            self.stopped = None
            if self.ahead is None:
                self.again()

    def again(self) -> None:
        """The point it stands on will be evaluated again."""
        self.convergence.last = None
        self.iterations -= 1

    def see(self, place: Place, log_likelihood: float, plain: bool, limit: int) -> None:
        """Take note of a step, and stop when it was the last."""
        self.iterations += 1
        self.here = place
        if not isfinite(log_likelihood):
            self.fail(DegenerateError("the log-likelihood is not finite"))
            return
        self.convergence.see(log_likelihood, plain)
        if log_likelihood >= self.reached:
            self._best = log_likelihood, place
        if self._watch:
            self._watch(Step(at(place), log_likelihood, "em" if plain else "jump"), self)
        self.stopped = self.convergence.stopped
        if not self.stopped and self.iterations >= limit:
            self.stopped = "max_iterations"

    def tell(self, remaining: float) -> None:
        """Take note of an accelerator's estimate of the gain still to come."""
        if isfinite(remaining):
            self.convergence.told = remaining
            self.stopped = self.convergence.stopped

    def fail(self, trouble: Exception) -> Moved:
        """End where there is no way on."""
        if not isinstance(trouble, DegenerateError):
            trouble = DegenerateError("a covariance matrix is singular")
        self.stopped, self.trouble = "degenerate", trouble
        return None, []

    @property
    def hope(self) -> float:
        """A generous guess at what it may still gain."""
        told = self.convergence.told
        if self.converged:
            return self.convergence.remaining or 0.0
        if self.iterations < (SETTLED if self.settled else PATIENCE):
            return np.inf
        return PATIENCE * max(self.convergence.changes) if told is None else told

    def outdone(self, rival: float) -> bool:
        """Does it lie so far below that its gains will not get it there?"""
        return self.reached + self.hope + 1 < rival


Place = tuple[Mixture, int | None]  # a stack and the start in it that is meant, or a mixture
Watch = Callable[[Step, Run], None]


def at(place: Place) -> Mixture:
    """The mixture at a place."""
    stack, start = place
    return stack if start is None else stack.select(start)


class Pack:
    """Runs of one model and k on one source, side by side: a step costs little more than of one."""

    def __init__(self, runs: Sequence[Run], source: MemorySource, stopping: Stopping) -> None:
        self.runs = list(runs)
        self._source, self._stopping = source, stopping
        self._base = 0.0

    def advance(
        self,
        most: int | None = None,
        tolerance: float | None = None,
        rival: float = -float("inf"),
        late: Callable[[], bool] = lambda: False,
        regular: Callable[[Run], bool] = lambda run: False,
    ) -> Pack:
        """Take steps until all have converged to this tolerance (or their own), at most so many.

        A run far below a rival's log-likelihood, with gains that will not get it there, gives up.
        `regular` is asked of each run that ends, whether it may be a rival to the others. A run
        that stopped at a looser tolerance goes on where it was. One that met its limits or trouble
        stays stopped.
        """
        for run in self.runs:
            run.resume()
            run.convergence.cautious = tolerance is not None
            run.convergence.tolerance = max(self._stopping.tolerance, tolerance or 0.0)
        running = [run for run in self.runs if not run.stopped]
        climb = self._begin(running) if running else None
        taken = 0
        while climb and (most is None or taken < most):
            taken += 1
            # What overflows is told by a likelihood that is not finite.
            with np.errstate(all="ignore"):
                climb, going = self._step(climb, running)
            ended = [run for run in running if run.stopped]
            rival = max([rival, *(run.reached for run in ended if regular(run))])
            over = late()
            for run in going:
                if not run.stopped and (over or run.outdone(rival)):
                    run.stopped = "max_time" if over else "outdone"
            running = [run for run in going if not run.stopped]
            if climb and len(running) < len(going):
                for i, run in enumerate(going):
                    run.ahead = (climb, i) if run.stopped else None
                keep = [i for i, run in enumerate(going) if not run.stopped]
                climb = climb.select(keep) if keep else None
            if climb and len(running) == 1 and taken != most:
                found = running[0].convergence
                climb = climb.sharpened(self._source, found.told, found.tolerance)
        if climb:
            for i, run in enumerate(running):
                run.ahead = climb, i
        return self

    def _begin(self, running: list[Run]) -> Climb:
        here = Mixture.stack([at(run.here) for run in running])
        self._base = base_measure(here, self._source)
        ahead = [run.ahead for run in running if run.ahead]
        for run in running:
            run.ahead = None  # it is behind as soon as the run has gone on
        if len(ahead) == len(running) and len({climb.taken for climb, _ in ahead}) == 1:
            return Climb.join([climb.select([i]) for climb, i in ahead])
        for run in running:
            if run.iterations >= 0 and run.convergence.last is not None:
                run.again()
        first, crowd = running[0], len(running) > 1
        plain = PATIENCE + 1 if crowd and self._source.rows <= FEW_ROWS else PLAIN_STEPS
        taken = plain if first.settled else max(first.iterations, 0)
        metric = None if crowd or first.iterations >= 0 else first.metric
        return Climb.begin(here, self._stopping.acceleration, taken, metric, plain)

    def _step(self, climb: Climb, running: list[Run]) -> Moved:
        """One E step and one M step or jump of these runs, and those that go on."""
        try:
            odd = climb.odd
            if odd.any():
                parts = [np.flatnonzero(~odd), np.flatnonzero(odd)]
                return joined([
                    self._step(climb.select(part), [running[i] for i in part]) for part in parts
                ])
            sums, failed = climb.evaluate(self._source)
        except FAILURES as trouble:
            if len(running) == 1:
                return running[0].fail(trouble)
            return joined([self._step(climb.select([i]), [run]) for i, run in enumerate(running)])
        found = sums.log_likelihood + self._base
        for i, run in enumerate(running):
            if not failed[i]:
                plain = bool(climb.kind[i] != JUMP)
                run.see((climb.here, i), float(found[i]), plain, self._stopping.max_iterations)
        keep = [i for i, run in enumerate(running) if not run.stopped]
        if not keep:
            return None, []
        if len(keep) < len(running):
            climb, sums, failed = climb.select(keep), sums.select(keep), failed[keep]
        return self._onward(climb, sums, failed, [running[i] for i in keep])

    def _onward(
        self, climb: Climb, sums: Expectation, failed: Mask, running: list[Run]
    ) -> Moved:
        plain = self._stopping.acceleration != "lbfgs"  # only then Aitken's estimate is needed
        resting = np.array([plain and run.convergence.resting for run in running])
        try:
            climb, remaining = climb.onward(sums, failed, resting, self._source.weight_total)
        except FAILURES as trouble:
            if len(running) == 1:
                return running[0].fail(trouble)
        else:
            for run, told in zip(running, remaining.tolist(), strict=True):
                run.tell(told)
            return climb, running
        return joined([
            self._onward(climb.select([i]), sums.select([i]), failed[[i]], [run])
            for i, run in enumerate(running)
        ])


def alone(
    mixture: Mixture, source: MemorySource, stopping: Stopping, watch: Watch | None = None
) -> Run:
    """One run from this start to its end."""
    run = Run(mixture, stopping, watch)
    Pack([run], source, stopping).advance()
    return run


Moved = tuple[Climb | None, list[Run]]  # where the runs that go on are, and which they are


def joined(parts: Sequence[Moved]) -> Moved:
    """The parts of a stack together again."""
    climbs = [climb for climb, _ in parts if climb]
    return Climb.join(climbs) if climbs else None, [run for _, runs in parts for run in runs]
