"""Heats: the starts of a large table on samples that grow, until few may still be the best.

All starts take their first steps side by side on a small sample. Who lies below the leader there
by more than chance is out (Vuong 1989), and so is who has come to the same place as another; those
left go on with a sample ten times as large, and so forth. Only they ever see all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from emcli.em import e_step
from emcli.environment import give_back
from emcli.evaluation import Evaluation
from emcli.families.block import Block
from emcli.frozen import frozen, mutable, replace
from emcli.jump import Metric
from emcli.mixture import Mixture
from emcli.numerics import Array
from emcli.run import PATIENCE, Pack, Run
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource
from emcli.start import Asked

if TYPE_CHECKING:
    from emcli.information import Told

# Each sample has so many times the rows of the one before (of the smallest, up to twice that).
GROWTH = 10
# Steps between two looks at who is left. With many more in a heat a start bends to its sample:
# small components sit down on a few rows of it, and all rows must undo that.
LAPS = (6, 12, 24, 48, 96)
# On the smallest sample nobody is told to be hopeless sooner than this. Where all rows are many
# times more, two of them do: of 30 fits seven ended higher, by up to 2,312 nats, one by 3 lower.
FIRST_LAPS = (PATIENCE + 1, 16, 48, 96)
MANY, SHORT = 20, 2
# Where about this much is left to gain, nothing more can be learnt from a sample.
NEAR = 1.0
# Two starts are at the same place if their log densities' squared differences add up to this:
# near a maximum that is twice what lies between them, and both are about `NEAR` below it.
SAME = 4.0
# Who is exceeded by so many standard deviations is out.
SIGMAS = 3.0
# What a sample tells of the information saves so many passes over the rows of the next, or more.
WORTH = 8.0
# So many go on from any sample if chance explains their differences.
FEW = 3
# What became of those who are not left: others were there, or above.
OUTDONE, REPEATED = "outdone", "the same as another"


@mutable
class Attempt:
    """One start: how it began, its run unless there was nothing to run, and what became of it."""

    asked: Asked
    run: Run | None
    status: str = "ok"

    def out(self, why: str) -> None:
        """It goes no further; where it would go on holds all who went side by side with it."""
        self.status = why
        if self.run:
            self.run.ahead = None

    @property
    def reached(self) -> float:
        """The log-likelihood of the best point of its run."""
        return self.run.reached if self.run else -np.inf

    @property
    def here(self) -> Mixture:
        """The best point of its run."""
        assert self.run
        return self.run.best.mixture


@mutable
class Heats:
    """begin: a run of a start from this mixture on these rows; verdict: "ok" or what makes a run's
    end unusable; late: is the time that was allowed over?
    """

    source: MemorySource
    sample: MemorySource
    stopping: Stopping
    seed: int
    begin: Callable[[Asked, Mixture, MemorySource, Metric | None], Run]
    verdict: Callable[[Run, MemorySource], str]
    late: Callable[[], bool]

    def survivors(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Who may be the best, the best so far first, on all rows; the others' status says why."""
        alive = [attempt for attempt in attempts if attempt.run]
        before = self.sample
        for sample in self._samples():
            if self.late():
                alive = alive[:1]
            if sample is not before:
                give_back()
                told = self._told(alive[0].here, before, sample) if len(alive) == 1 else None
                before.rest()
                before = sample  # the smaller one goes, before memory is needed again
                metric = told.metric() if told else None
                for attempt in alive:
                    attempt.run = self.begin(attempt.asked, attempt.here, sample, metric)
            if len(alive) > 1 or sample is not self.source:
                alive = self._heat(alive, sample)
        return alive

    def _samples(self) -> Iterator[MemorySource]:
        """The smallest, some in between where all rows are many times more, and all rows."""
        yield self.sample
        if self.sample is not self.source:
            between = [self.source.rows // GROWTH]
            while between[-1] > 2 * self.sample.rows:
                between.append(between[-1] // GROWTH)
            for rows in reversed(between[:-1]):
                yield self.source.sample(rows, self.seed)
            yield self.source

    def _told(self, here: Mixture, sample: MemorySource, source: MemorySource) -> Told | None:
        """What a sample that EM has settled on tells of the information, to who goes on to a
        larger one; None where that is little beside what it costs."""
        from emcli import information  # which only large tables need

        if self.stopping.acceleration != "lbfgs" or self.late():
            return None
        sums = e_step(here, sample)
        if information.price(here, sums, sample) * sample.rows > WORTH * source.rows:
            return None
        return information.told(here, sums, sample)

    def _heat(self, alive: list[Attempt], sample: MemorySource) -> list[Attempt]:
        """Side by side until each is near its end; those left.

        Beyond the smallest sample no more than the better half goes on, from the third look on,
        and a few: where chance explains all differences, every start would see all rows.
        """
        # The tolerance is of all rows' log-likelihood.
        enough = self.stopping.tolerance * sample.rows / self.source.rows
        stopping = replace(self.stopping, tolerance=enough)
        for number, lap in enumerate(self._laps(sample)):
            going = [one.run for one in alive if one.run and not one.run.stopped]
            if not going:
                break
            Pack(going, sample, stopping).advance(lap, NEAR, late=self.late)
            alive = self._left(alive, sample)
            if number > 1 and sample is not self.sample:
                half = -(-len(alive) // 2)
                most = half if sample is self.source else max(half, FEW)
                for attempt in alive[most:]:
                    attempt.out(OUTDONE)
                alive = alive[:most]
        return alive

    def _laps(self, sample: MemorySource) -> Sequence[int]:
        if sample is not self.sample:
            return LAPS
        return FIRST_LAPS[:SHORT] if self.source.rows > MANY * sample.rows else FIRST_LAPS

    def _left(self, alive: list[Attempt], sample: MemorySource) -> list[Attempt]:
        """Those who are not at another's place, nor exceeded by more than chance.

        The best regular one comes first: what lies above it may have no maximum.
        """
        for attempt in alive:
            if attempt.run and attempt.run.trouble:
                attempt.out(attempt.run.trouble.sentence)
        alive = sorted((one for one in alive if one.status == "ok"), key=lambda one: -one.reached)
        if len(alive) < 2:
            return alive
        rivals = Rivals.on(sample, [one.here for one in alive])
        left: list[int] = []
        ended: list[int] = []
        leader: int | None = None
        for i, attempt in enumerate(alive):
            assert attempt.run
            if attempt.run.converged and any(rivals.apart(i, j) < SAME for j in ended):
                attempt.out(REPEATED)
            elif leader is not None and rivals.below(i, leader, attempt.run.hope):
                attempt.out(OUTDONE)
            else:
                left.append(i)
                ended += [i] if attempt.run.converged else []
                if leader is None and self.verdict(attempt.run, sample) == "ok":
                    leader = i
        left.sort(key=lambda i: i != leader)
        return [alive[i] for i in left]


@frozen
class Rivals:
    """How the log densities of several mixtures differ on the same rows.

    rows: their total weight; sums: (S,) of their log densities, less the first's; products: (S, S)
    of these differences.
    """

    rows: float
    sums: Array
    products: Array

    @classmethod
    def on(cls, source: MemorySource, mixtures: Sequence[Mixture]) -> Rivals:
        """Of these mixtures on these rows."""
        each = [mixture.at(source.names) for mixture in mixtures]
        found = source.total(Differences(each), max(one.width for one in each))
        return cls(source.weight_total, found[:, 0], found[:, 1:])

    def apart(self, i: int, j: int) -> float:
        """The sum of the squared differences between two."""
        p = self.products
        return float(p[i, i] + p[j, j] - 2 * p[i, j])

    def below(self, i: int, j: int, hope: float) -> bool:
        """Does i lie below j by more than chance (Vuong 1989), whatever it may still gain?"""
        away = self.sums[j] - self.sums[i]
        variance = self.apart(i, j) - away * away / self.rows
        return bool(away - hope > SIGMAS * np.sqrt(max(variance, 0.0)))


@frozen
class Differences:
    """What `Rivals` adds up over blocks: sums and products of log densities, (S, 1 + S)."""

    each: Sequence[Evaluation]
    travels: ClassVar = True

    def __call__(self, block: Block) -> Array:
        found = np.stack([one.posterior(block)[1] for one in self.each])
        found -= found[0].copy()
        counted = found if block.weights is None else found * block.weights
        return np.column_stack([counted.sum(axis=1), counted @ found.T])
