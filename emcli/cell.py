"""One cell of the table: the best regular fit of one model with one number of components.

Every start is run a short way, the best of them to the end. What is spurious, empty or singular is
named, retried from other starts, and never the best while a regular fit exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from emcli.criteria import Criteria
from emcli.degeneracy import Resolution, spurious
from emcli.em import Step
from emcli.errors import DegenerateError
from emcli.events import Listener, StartFinished, Stepped, ignore
from emcli.mixture import Mixture, Model
from emcli.run import Run
from emcli.settings import FitSettings
from emcli.sources.memory import MemorySource
from emcli.start import SAMPLE, Starter, kinds

# Up to this many rows every start is run on: the best maximum may look poor for long.
SMALL = 2_000
# In larger tables every start takes this many steps, and so many of the best are run on.
SHORT = 40
FINISHED = 3
# Starts are run until about this much is left to gain; the best of them to the end. Two that
# agree to twice as much have found the same maximum.
ROUGH = 2e-2
SAME = 4e-2
# Ways a fit is split whose likelihood the starts with one component more did not reach.
SPLITS = 4


@dataclass(frozen=True)
class Cell:
    """What became of one model with one k."""

    model: str
    k: int
    status: str
    mixture: Mixture | None = None
    log_likelihood: float | None = None
    stopped: str = ""
    iterations: int = 0
    remaining: float | None = None
    start: str = ""
    index: int = 0
    starts: int = 0
    finished: int = 0
    at_best: int = 0
    trouble: str = ""
    criteria: Criteria | None = None

    @property
    def converged(self) -> bool:
        return self.stopped in ("tolerance", "precision")

    @property
    def reached(self) -> float:
        """The log-likelihood, minus infinity where there is no fit."""
        return -np.inf if self.log_likelihood is None else self.log_likelihood

    def better(self, other: Cell) -> Cell:
        """Of two searches of the same cell the one that got higher, with all starts counted."""
        best = self if self.reached >= other.reached else other
        return replace(best, starts=self.starts + other.starts)


@dataclass
class Attempt:
    """One start: its run, and how it began."""

    kind: str
    index: int
    run: Run
    status: str = "ok"


@dataclass
class Failure:
    """A start from which there was nothing to run, and why."""

    index: int
    status: str


@dataclass
class Fitting:
    """What the cells of one table have in common; `given` is a mixture to start from instead."""

    source: MemorySource
    settings: FitSettings
    listen: Listener
    late: Callable[[], bool]  # is the time that was allowed over?
    given: Mixture | None = None

    def __post_init__(self) -> None:
        self.sample = self.source.sample(SAMPLE, self.settings.searching.seed)
        self.resolution = Resolution(self.source, self.sample)

    def starter(self, model: Model) -> Starter:
        """The starts of a model."""
        return Starter(model, self.sample, self.settings.searching.seed)

    def fit(self, starter: Starter, k: int, parent: Mixture | None = None) -> Cell:
        """The best regular fit of one model with k components.

        parent: a fit with one less, which every start is to split.
        """
        model = starter.model
        if parent is None:
            attempts = list(self._attempts(starter, k))
        else:
            starter = starter.splitting(parent)
            attempts = [
                self._attempt(starter, k, "split", index, index)
                for index in range(SPLITS)
            ]
        finished = self._finish(model, k, attempts)
        if not finished and not (self.given or parent or self.late()) and k > 1:
            more = self.settings.searching.starts
            again = [
                self._attempt(starter, k, "random", index, 0) for index in range(more, 2 * more)
            ]
            attempts += again
            finished = self._finish(model, k, again)
        if not finished:
            return self._failed(model, k, attempts)
        best = max(finished, key=lambda a: a.run.best.log_likelihood)
        top = best.run.best
        mixture = top.mixture if self.given else top.mixture.sorted()
        return Cell(
            model.name, k,
            status="ok" if best.run.converged else "not converged",
            mixture=mixture,
            log_likelihood=top.log_likelihood,
            stopped=best.run.stopped or "",
            iterations=best.run.iterations,
            remaining=best.run.convergence.remaining,
            start=best.kind, index=best.index, starts=len({a.index for a in attempts}),
            finished=len({a.index for a in finished}),
            at_best=len({
                a.index for a in finished if a.run.best.log_likelihood > top.log_likelihood - SAME
            }),
            criteria=Criteria.of(mixture, top.log_likelihood, self.source),
        )

    def _failed(self, model: Model, k: int, attempts: Sequence[Attempt | Failure]) -> Cell:
        reasons = [a.status for a in attempts]
        why = max(reasons, key=reasons.count)
        return Cell(model.name, k, "degenerate", starts=len(attempts), trouble=why)

    def _attempts(self, starter: Starter, k: int) -> Iterator[Attempt | Failure]:
        if self.given:
            run = self._run(starter.model, k, self.given, self.source, "file", 0)
            yield Attempt("file", 0, run)
            return
        searching = self.settings.searching
        starts = searching.starts if k > 1 else 1
        small = self.source.rows <= SMALL
        for index, kind in enumerate(kinds(searching.start, starts, len(starter.points) == 1)):
            if index and self.late():
                return
            for again in range(starter.tries(kind, k, small)):
                yield self._attempt(starter, k, kind, index, again)

    def _attempt(
        self, starter: Starter, k: int, kind: str, index: int, again: int
    ) -> Attempt | Failure:
        try:
            mixture = starter.start(kind, k, index, again)
        except DegenerateError as trouble:
            return Failure(index, trouble.sentence)
        return Attempt(kind, index, self._run(starter.model, k, mixture, self.sample, kind, index))

    def _run(
        self, model: Model, k: int, mixture: Mixture, source: MemorySource, kind: str, index: int
    ) -> Run:
        # Steps on a sample are on another scale of likelihood; nobody is told of them.
        listen = self.listen if source is self.source else ignore
        watch = partial(_tell, listen, model.name, k, index, kind)
        return Run(mixture, source, self.settings.stopping, watch)

    def _finish(
        self, model: Model, k: int, begun: Sequence[Attempt | Failure]
    ) -> list[Attempt]:
        """Run the promising attempts, the best of them to the end; those that ended regular."""
        rough: list[Attempt] = []
        attempts = [attempt for attempt in begun if isinstance(attempt, Attempt)]
        starts = len({attempt.index for attempt in begun})
        for attempt in self._promising(attempts):
            if rough and (self.late() or (len(rough) >= FINISHED and self.source.rows > SMALL)):
                break
            if self.sample is not self.source and not self.given:
                begin = attempt.run.best.mixture
                attempt.run = self._run(
                    model, k, begin, self.source, attempt.kind, attempt.index
                )
            rival = max((a.run.best.log_likelihood for a in rough), default=-np.inf)
            attempt.run.advance(tolerance=ROUGH, rival=rival, late=self.late)
            attempt.status = self._verdict(attempt.run)
            if attempt.status == "ok":
                rough.append(attempt)
            best = attempt.run.best.log_likelihood
            self.listen(
                StartFinished(model.name, k, attempt.index, starts, best, attempt.status)
            )
        return self._polished(sorted(rough, key=lambda a: -a.run.best.log_likelihood))

    def _polished(self, rough: list[Attempt]) -> list[Attempt]:
        """The best of these, converged, and any that still lies above it."""
        top = -np.inf
        for attempt in rough:
            if attempt.run.best.log_likelihood <= top:
                break
            attempt.run.advance(late=self.late)
            attempt.status = self._verdict(attempt.run)
            if attempt.status == "ok":
                top = attempt.run.best.log_likelihood
        return [attempt for attempt in rough if attempt.status == "ok"]

    def _promising(self, attempts: list[Attempt]) -> list[Attempt]:
        """Those worth running on: all in a small table, else the best after a short run first."""
        if self.source.rows <= SMALL:
            return attempts
        for attempt in attempts:
            attempt.run.advance(SHORT, late=self.late)
            if attempt.run.trouble:
                attempt.status = attempt.run.trouble.sentence
        alive = [a for a in attempts if not a.run.trouble]
        return sorted(alive, key=lambda a: -a.run.best.log_likelihood)

    def _verdict(self, run: Run) -> str:
        """ "ok", or what makes this end of a run unusable."""
        if run.trouble:
            return run.trouble.sentence
        found = spurious(run.best.mixture, self.source, self.resolution)
        if not found:
            return "ok"
        first = found[0]
        columns = ", ".join(first.columns)
        return f"component {first.component + 1} {first.why} in {columns}"


def _tell(
    listen: Listener, model: str, k: int, start: int, name: str, step: Step, run: Run
) -> None:
    convergence = run.convergence
    listen(
        Stepped(
            model, k, start, name, run.iterations, step.log_likelihood,
            convergence.gain, convergence.remaining, step.kind, partial(_parameters, step.mixture),
        )
    )


def _parameters(mixture: Mixture) -> list[dict[str, object]]:
    return [
        {"weight": float(w), "distributions": [f.to_dict(k) for f in mixture.families]}
        for k, w in enumerate(mixture.weights)
    ]
