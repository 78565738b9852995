"""The search: starts x numbers of components x models, and the criterion that chooses.

Every start is run a short way; the best are run to the end. A cell is one model with one k. What
is spurious, empty or singular is named, retried from other starts, and never the best while a
regular fit exists.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from emcli.criteria import Criteria
from emcli.degeneracy import Resolution, spurious
from emcli.em import Step, base_measure, e_step
from emcli.errors import DegenerateError
from emcli.events import CellFinished, CellStarted, Listener, StartFinished, Stepped, ignore
from emcli.mixture import Mixture, Model
from emcli.run import Run
from emcli.settings import FitSettings
from emcli.sources.memory import MemorySource
from emcli.start import SAMPLE, Starter, kinds
from emcli.workers import shared

# Up to this many rows every start is run on: the best maximum may look poor for long.
SMALL = 2_000
# In larger tables every start takes this many steps, and so many of the best are run on.
SHORT = 40
FINISHED = 3
# Starts are run until about this much is left to gain; the best of them to the end. Two that
# agree to twice as much have found the same maximum.
ROUGH = 2e-2
SAME = 4e-2

# What a start costs, roughly: so many steps, seconds for each and for each row of it; and how many
# seconds of work pay for a worker.
STEPS, STEP, ROW, WORTHWHILE = 50, 1e-4, 1e-7, 0.4


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
    at_best: int = 0
    trouble: str = ""
    criteria: Criteria | None = None

    @property
    def converged(self) -> bool:
        return self.stopped in ("tolerance", "precision")


@dataclass(frozen=True)
class Table:
    """The cells there are: every k of every model, model by model."""

    models: Sequence[Model]
    ks: Sequence[int]
    distinct: int  # rows, counted up to a little more than the largest k
    _starters: dict[int, Starter] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.models) * len(self.ks)

    def __getitem__(self, number: int) -> tuple[Model, int]:
        if number >= len(self):
            raise IndexError(number)
        return self.models[number // len(self.ks)], self.ks[number % len(self.ks)]

    def starter(self, model: Model, search: Search) -> Starter:
        """The starts of a model, made when they are first wanted."""
        seed = search.settings.searching.seed
        return self._starters.setdefault(id(model), Starter(model, search.sample, seed))


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
class Search:
    """Fits cells of one source; `given` is a mixture to start from in place of the starts."""

    source: MemorySource
    settings: FitSettings
    listen: Listener
    given: Mixture | None = None
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.sample = self.source.sample(SAMPLE, self.settings.searching.seed)
        self.resolution = Resolution(self.source, self.sample)

    def late(self) -> bool:
        """Is the time that was allowed over?"""
        most = self.settings.stopping.max_time
        return most is not None and time.monotonic() - self.began > most

    def cells(self, models: Sequence[Model], ks: Sequence[int]) -> list[Cell]:
        """The whole k x model table, in order."""
        table = Table(models, ks, self._distinct(max(ks)))
        workers = self._workers(table)
        if workers:
            setting = partial(_elsewhere, self.source, self.settings, table)
            task = partial(self._numbered, table)
            return shared(task, len(table), setting, workers, lambda _, cell: self._done(cell))
        return [self._numbered(table, number) for number in range(len(table))]

    def _numbered(self, table: Table, number: int) -> Cell:
        """One cell of the table, by its number."""
        model, k = table[number]
        self.listen(CellStarted(model.name, k, number + 1, len(table)))
        if number and self.late():
            cell = Cell(model.name, k, "not run")
        elif k > table.distinct or self.source.rows < k * model.rows_wanted:
            cell = Cell(model.name, k, "too few rows")
        else:
            cell = self.cell(table.starter(model, self), k)
        self._done(cell)
        return cell

    def _done(self, cell: Cell) -> None:
        value = cell.criteria.value(self.settings.searching.criterion) if cell.criteria else None
        self.listen(CellFinished(cell.model, cell.k, value, cell.status))

    def _workers(self, table: Table) -> int:
        """How many other processes are worth starting."""
        asked = self.settings
        if self.given or asked.output.trace or self.source.threads > 1:
            return 0
        steps = STEPS * asked.searching.starts * len(table.models) * sum(k > 1 for k in table.ks)
        seconds = steps * (STEP + ROW * self.source.rows)
        cores = asked.running.threads or os.cpu_count() or 1
        return min(cores - 1, int(seconds / WORTHWHILE), len(table) - 1)

    def cell(self, starter: Starter, k: int) -> Cell:
        """The best regular fit of one model with k components."""
        model = starter.model
        attempts = list(self._attempts(starter, k))
        finished = self._finish(model, k, attempts)
        if not finished and not self.given and k > 1 and not self.late():
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
            at_best=len({
                a.index for a in finished if a.run.best.log_likelihood > top.log_likelihood - SAME
            }),
            criteria=replace(
                Criteria.of(mixture, top.log_likelihood, self.source),
                held_out=self._held_out(model, k),
            ),
        )

    def _held_out(self, model: Model, k: int) -> float | None:
        """Log-likelihood of each fold under the fit to the others; None unless asked for."""
        searching = self.settings.searching
        if searching.criterion != "cv":
            return None
        folds = min(searching.folds, self.source.rows)
        plain = replace(self.settings, searching=replace(searching, criterion="bic"))
        total = 0.0
        for kept, left in self.source.folds(folds, searching.seed):
            search = Search(kept, plain, ignore, self.given)
            cell = search.cell(Starter(model, search.sample, searching.seed), k)
            if cell.mixture is None:
                return None
            total += e_step(cell.mixture, left).log_likelihood + base_measure(cell.mixture, left)
        return total

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
        watch = partial(_tell, self.listen, model.name, k, index, kind)
        return Run(mixture, source, self.settings.stopping, watch)

    def _finish(
        self, model: Model, k: int, begun: Sequence[Attempt | Failure]
    ) -> list[Attempt]:
        """Run the promising attempts, the best of them to the end; those that ended regular."""
        rough: list[Attempt] = []
        attempts = [attempt for attempt in begun if isinstance(attempt, Attempt)]
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
                StartFinished(model.name, k, attempt.index, len(attempts), best, attempt.status)
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

    def _distinct(self, enough: int) -> int:
        """Number of distinct rows, counted up to a little more than `enough`."""
        step = 4096
        seen: np.ndarray | None = None
        for at in range(0, self.source.rows, step):
            piece = np.nan_to_num(self.source.values[:, at : at + step], nan=np.inf)
            rows = np.unique(piece if seen is None else np.hstack([seen, piece]), axis=1)
            if rows.shape[1] >= enough:
                return rows.shape[1]
            seen = rows
        return 0 if seen is None else seen.shape[1]


def _elsewhere(
    source: MemorySource, settings: FitSettings, table: Table
) -> Callable[[int], Cell]:
    """A worker's task: the same search, with nobody listening."""
    return partial(Search(source, settings, ignore)._numbered, table)


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
