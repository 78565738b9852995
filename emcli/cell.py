"""One cell of the table: the best regular fit of one model with one number of components.

Every start is run a short way, the best of them to the end. What is spurious, empty or singular is
named, retried from other starts, and never the best while a regular fit exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from emcli.criteria import Criteria
from emcli.degeneracy import Resolution, spurious
from emcli.em import Step
from emcli.errors import DegenerateError
from emcli.events import Listener, StartFinished, Stepped, ignore
from emcli.frozen import frozen, mutable
from emcli.heats import OUTDONE, REPEATED, Attempt, Heats
from emcli.jump import Metric
from emcli.mixture import Mixture, Model
from emcli.run import Pack, Run
from emcli.settings import FitSettings
from emcli.sources.memory import MemorySource
from emcli.start import SAMPLE, Asked, Starter, kinds

# Up to this many rows every start is run on: the best maximum may look poor for long.
SMALL = 2_000
# In larger tables so many of the starts that survive the heats are run on all rows.
FINISHED = 3
# Starts are run until about this much is left to gain; the best of them to the end. Two that
# agree to twice as much have found the same maximum.
ROUGH = 2e-2
SAME = 4e-2
# Ways a fit is split whose likelihood the starts with one component more did not reach.
SPLITS = 4


@frozen
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
    start: Asked | None = None
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


@mutable
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

    def fit(self, starter: Starter, k: int, parent: Cell | None = None) -> Cell:
        """The best regular fit of one model with k components.

        parent: a fit with one less, which every start is to split.
        """
        model = starter.model
        if parent is None or parent.mixture is None:
            attempts = self._attempts(starter, k)
        else:
            splits = [Asked("split", i, i, parent.start) for i in range(SPLITS)]
            attempts = self._begun(starter.splitting(parent.mixture), k, splits)
        finished = self._finish(model, k, attempts)
        if not finished and not (self.given or parent or self.late()) and k > 1:
            more = self.settings.searching.starts
            again = [Asked("random", index) for index in range(more, 2 * more)]
            attempts += self._begun(starter, k, again)
            finished = self._finish(model, k, attempts[-len(again) :])
        if not finished:
            return self._failed(model, k, attempts)
        best = max(finished, key=lambda a: a.reached)
        run = best.run
        assert run
        mixture = run.best.mixture if self.given else run.best.mixture.sorted()
        return Cell(
            model.name, k,
            status="ok" if run.converged else "not converged",
            mixture=mixture,
            log_likelihood=run.reached,
            stopped=run.stopped or "",
            iterations=run.iterations,
            remaining=run.convergence.remaining,
            start=best.asked,
            starts=len({a.asked.index for a in attempts}),
            finished=len({a.asked.index for a in finished}),
            at_best=len({a.asked.index for a in finished if a.reached > run.reached - SAME}),
            criteria=Criteria.of(mixture, run.reached, self.source),
        )

    def _failed(self, model: Model, k: int, attempts: Sequence[Attempt]) -> Cell:
        reasons = [a.status for a in attempts]
        own = [why for why in reasons if why not in (OUTDONE, REPEATED)] or reasons
        why = max(own, key=own.count)
        return Cell(model.name, k, "degenerate", starts=len(attempts), trouble=why)

    def _attempts(self, starter: Starter, k: int) -> list[Attempt]:
        if self.given:
            asked = Asked("file", 0)
            return [Attempt(asked, self._run(starter.model, asked, self.given, self.source))]
        searching = self.settings.searching
        starts = searching.starts if k > 1 else 1
        small = self.source.rows <= SMALL
        return self._begun(starter, k, [
            Asked(kind, index, again)
            for index, kind in enumerate(kinds(searching.start, starts, len(starter.points) == 1))
            for again in range(starter.tries(kind, k, small))
        ])

    def _begun(self, starter: Starter, k: int, asked: Sequence[Asked]) -> list[Attempt]:
        return [
            Attempt(one, None, found.sentence)
            if isinstance(found, DegenerateError)
            else Attempt(one, self._run(starter.model, one, found, self.sample))
            for one, found in zip(asked, starter.starts(k, asked), strict=True)
        ]

    def _run(
        self, model: Model, asked: Asked, mixture: Mixture, source: MemorySource,
        metric: Metric | None = None, settled: bool = False,
    ) -> Run:
        # Steps on a sample are on another scale of likelihood; nobody is told of them.
        told = source is self.source and self.listen is not ignore
        watch = partial(_tell, self.listen, model.name, mixture.k, asked) if told else None
        return Run(mixture, self.settings.stopping, watch, settled, metric)

    def _pack(self, runs: Sequence[Run], source: MemorySource) -> Pack:
        return Pack(runs, source, self.settings.stopping)

    def _finish(self, model: Model, k: int, begun: Sequence[Attempt]) -> list[Attempt]:
        """Run the promising attempts, the best of them to the end; those that ended regular."""
        starts = len({a.asked.index for a in begun})
        attempts = {id(a.run): a for a in begun if a.run}
        known: list[float] = []  # regular ends; what agrees with one is regular too

        def regular(run: Run) -> bool:
            attempt = attempts[id(run)]
            if run.trouble or not any(abs(run.reached - end) < SAME for end in known):
                attempt.status = self._verdict(run)
            if attempt.status == "ok":
                known.append(run.reached)
            self.listen(
                StartFinished(
                    model.name, k, attempt.asked.index, starts, run.reached, attempt.status
                )
            )
            return attempt.status == "ok"

        if self.source.rows <= SMALL or self.given:
            runs = [a.run for a in attempts.values() if a.run]
            self._pack(runs, self.source).advance(tolerance=ROUGH, late=self.late, regular=regular)
            rough = [a for a in attempts.values() if a.run in runs and a.status == "ok"]
        else:
            rough = self._best_of_heats(model, attempts, regular)
        return self._polished(sorted(rough, key=lambda a: -a.reached))

    def _best_of_heats(
        self, model: Model, attempts: dict[int, Attempt], regular: Callable[[Run], bool]
    ) -> list[Attempt]:
        """Those that may be the best, each once, run on all rows."""
        heats = Heats(
            self.source, self.sample, self.settings.stopping, self.settings.searching.seed,
            partial(self._run, model, settled=True), self._verdict, self.late,
        )  # fmt: skip
        rough: list[Attempt] = []
        for attempt in heats.survivors(list(attempts.values())):
            if rough and (self.late() or len(rough) >= FINISHED):
                break
            assert attempt.run
            attempts[id(attempt.run)] = attempt
            rival = max((a.reached for a in rough), default=-np.inf)
            if attempt.run.stopped in ("max_iterations", "max_time"):
                regular(attempt.run)
            self._pack([attempt.run], self.source).advance(None, ROUGH, rival, self.late, regular)
            if attempt.status == "ok":
                rough.append(attempt)
        return rough

    def _polished(self, rough: list[Attempt]) -> list[Attempt]:
        """The best of these, converged, and any that still lies above it."""
        top = -np.inf
        for attempt in rough:
            if attempt.reached <= top:
                break
            assert attempt.run
            self._pack([attempt.run], self.source).advance(late=self.late)
            attempt.status = self._verdict(attempt.run)
            if attempt.status == "ok":
                top = attempt.reached
        return [attempt for attempt in rough if attempt.status == "ok"]

    def _verdict(self, run: Run, source: MemorySource | None = None) -> str:
        """ "ok", or what makes this end of a run unusable, on all rows or on a sample."""
        if run.trouble:
            return run.trouble.sentence
        found = spurious(run.best.mixture, source or self.source, self.resolution)
        if not found:
            return "ok"
        first = found[0]
        columns = ", ".join(first.columns)
        return f"component {first.component + 1} {first.why} in {columns}"


def _tell(listen: Listener, model: str, k: int, asked: Asked, step: Step, run: Run) -> None:
    convergence = run.convergence
    listen(
        Stepped(
            model, k, asked.index, asked.kind, run.iterations, step.log_likelihood,
            convergence.gain, convergence.remaining, step.kind, partial(_parameters, step.mixture),
            asked.again,
        )
    )


def _parameters(mixture: Mixture) -> list[dict[str, object]]:
    return [
        {"weight": float(w), "distributions": [f.to_dict(k) for f in mixture.families]}
        for k, w in enumerate(mixture.weights)
    ]
