"""The search: a table of cells, one for each k of each model, and the processes that fill it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial

import numpy as np

from emcli.cell import Cell, Fitting
from emcli.em import base_measure, e_step
from emcli.events import CellFinished, CellStarted, Listener, ignore
from emcli.frozen import frozen, mutable
from emcli.mixture import Mixture, Model
from emcli.numerics import distinct
from emcli.settings import FitSettings
from emcli.sources.memory import MemorySource
from emcli.start import Starter
from emcli.workers import WORTHWHILE, shared

# What a start costs, roughly: so many steps, seconds for each and for each row of it.
STEPS, STEP, ROW = 50, 1e-4, 1e-7


@frozen
class Table:
    """The cells there are: every k of every model, model by model."""

    models: Sequence[Model]
    ks: Sequence[int]
    distinct: int  # rows, counted up to a little more than the largest k

    def __len__(self) -> int:
        return len(self.models) * len(self.ks)

    def __getitem__(self, number: int) -> tuple[Model, int]:
        if number >= len(self):
            raise IndexError(number)
        return self.models[number // len(self.ks)], self.ks[number % len(self.ks)]


@mutable
class Search:
    """Fits the cells of one source; `given` is a mixture to start from in place of the starts."""

    source: MemorySource
    settings: FitSettings
    listen: Listener
    given: Mixture | None = None
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.fitting = Fitting(self.source, self.settings, self.listen, self.late, self.given)
        self._starters: dict[int, Starter] = {}

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
            found = shared(task, len(table), setting, workers, lambda _, cell: self._done(cell))
        else:
            found = [self._numbered(table, number) for number in range(len(table))]
        return self._mended(table, found)

    def _mended(self, table: Table, cells: list[Cell]) -> list[Cell]:
        """The cells, those that lie below the same model with one component less fitted again.

        The best likelihood grows with k; where that of the starts did not, the smaller fit is
        split, so that EM begins close to what it must exceed.
        """
        for number, cell in enumerate(cells):
            before = cells[number - 1] if number % len(table.ks) else None
            if before is None or before.mixture is None or before.k != cell.k - 1:
                continue
            open_ = cell.status != "too few rows" and not self.late()
            if cell.reached < before.reached and open_:
                model, k = table[number]
                cells[number] = cell.better(self._fitted(model, k, before))
                self._done(cells[number])
        return cells

    def _numbered(self, table: Table, number: int) -> Cell:
        """One cell of the table, by its number."""
        model, k = table[number]
        self.listen(CellStarted(model.name, k, number + 1, len(table)))
        if number and self.late():
            cell = Cell(model.name, k, "not run")
        elif k > table.distinct or self.source.counted < k * model.rows_wanted:
            cell = Cell(model.name, k, "too few rows")
        else:
            cell = self._fitted(model, k)
        self._done(cell)
        return cell

    def _fitted(self, model: Model, k: int, parent: Cell | None = None) -> Cell:
        cell = self.fitting.fit(self._starter(model), k, parent)
        if cell.criteria is None or self.settings.searching.criterion != "cv":
            return cell
        return replace(cell, criteria=replace(cell.criteria, held_out=self._held_out(model, k)))

    def _starter(self, model: Model) -> Starter:
        return self._starters.setdefault(id(model), self.fitting.starter(model))

    def _done(self, cell: Cell) -> None:
        value = cell.criteria.value(self.settings.searching.criterion) if cell.criteria else None
        self.listen(CellFinished(cell.model, cell.k, value, cell.status))

    def _workers(self, table: Table) -> int:
        """How many other processes are worth starting."""
        asked = self.settings
        limited = asked.stopping.max_time is not None  # then the first cells come first
        if self.given or limited or asked.output.trace or self.source.threads > 1:
            return 0
        steps = STEPS * asked.searching.starts * len(table.models) * sum(k > 1 for k in table.ks)
        seconds = steps * (STEP + ROW * self.source.rows)
        cores = asked.running.threads or os.cpu_count() or 1
        return min(cores - 1, int(seconds / WORTHWHILE), len(table) - 1)

    def _held_out(self, model: Model, k: int) -> float | None:
        """Log-likelihood of each fold under the fit to the others; None where one has none."""
        searching = self.settings.searching
        folds = min(searching.folds, self.source.rows)
        total = 0.0
        for kept, left in self.source.folds(folds, searching.seed):
            fitting = Fitting(kept, self.settings, ignore, self.late, self.given)
            cell = fitting.fit(fitting.starter(model), k)
            if cell.mixture is None:
                return None
            total += float(e_step(cell.mixture, left).log_likelihood)
            total += base_measure(cell.mixture, left)
        return total

    def _distinct(self, enough: int) -> int:
        """Number of distinct rows, counted up to a little more than `enough`."""
        seen = self.source.values[:, :0]
        for block in self.source.pieces(4096):
            piece = block.values
            if block.weights is not None:
                piece = piece[:, block.weights > 0]
            piece = np.where(np.isnan(piece), np.inf, piece)  # NaN differs from itself
            seen = distinct(np.hstack([seen, piece]))
            if seen.shape[1] >= enough:
                break
        return seen.shape[1]


def _elsewhere(
    source: MemorySource, settings: FitSettings, table: Table
) -> Callable[[int], Cell]:
    """A worker's task: the same search, with nobody listening."""
    return partial(Search(source, settings, ignore)._numbered, table)
