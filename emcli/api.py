"""emcli as a library: `emcli.fit(table, model=..., k=...)` and what it returns.

The command line does nothing that is not here: it reads a table, calls `fit_table`, and writes
what the `Outcome` holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emcli import columns, document, grammar, palette, settings, tables
from emcli.cell import Cell
from emcli.columns import Claim, Column, Data
from emcli.criteria import Criteria
from emcli.errors import FitError, InputError, UsageError
from emcli.events import Listener, ignore
from emcli.families import catalogue
from emcli.families.base import Block, Part
from emcli.mixture import Mixture, Model
from emcli.numerics import Array
from emcli.search import Search
from emcli.settings import FitSettings
from emcli.sources.memory import MemorySource, one_blas_thread

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Scores:
    """log_density: (n,) of each row, in nats; total and mean: weighted over the rows."""

    log_density: Array
    total: float
    mean: float


@dataclass(frozen=True, repr=False)
class Fitted:
    """A fitted mixture: what `emcli fit` writes and the other commands read.

    mixture: the parameters; columns: what it was fitted to; fit: log-likelihood, criteria and how
    the fit went, as in the parameters file; selection: the criterion table it was chosen from.
    """

    mixture: Mixture
    columns: tuple[Column, ...]
    fit: dict[str, Any]
    selection: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] | None = None

    def __repr__(self) -> str:
        weights = ", ".join(
            f"{colour} {weight:.3f}"
            for colour, weight in zip(self.mixture.colours, self.mixture.weights, strict=True)
        )
        reached = self.fit.get("log_likelihood", float("nan"))
        return f"<Fitted {self.mixture.name}: {weights}; log-likelihood {reached:.3f}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the order `posterior` takes their values."""
        return tuple(column.name for column in self.columns)

    @property
    def criterion(self) -> str:
        """The criterion that chose it."""
        return str(self.fit.get("criterion", "bic"))

    def to_json(self) -> str:
        """The parameters file."""
        return document.write(self, self.provenance)

    def posterior(self, values: Array, threads: int | None = None) -> Array:
        """(K, n) probabilities of the colours of rows, columns first as in `names`."""
        return self._evaluate(values, threads)[0]

    def log_density(self, values: Array, threads: int | None = None) -> Array:
        """(n,) log densities (or log probabilities) of rows, in nats."""
        return self._evaluate(values, threads)[1]

    def _evaluate(self, values: Array, threads: int | None) -> tuple[Array, Array]:
        mixture = self.mixture.seeing(values, self.names)
        source = MemorySource(values, self.names, threads=threads)
        r, log_density = np.empty((mixture.k, source.rows)), np.empty(source.rows)
        evaluation = mixture.at(self.names)
        bases = [(base, [self.names.index(c) for c in base.inputs]) for base in mixture.bases]

        def write(block: Block) -> None:
            rows = slice(block.start, block.start + block.n)
            r[:, rows], log_density[rows] = evaluation.posterior(block)
            for base, at in bases:
                log_density[rows] += base(block.values[at])

        if source.rows:
            with one_blas_thread(), np.errstate(all="ignore"):
                source.each(write, evaluation.width)
        lost = np.flatnonzero(~np.isfinite(log_density))
        if len(lost):
            raise InputError(
                f"row {lost[0] + 1} has no computable density under these parameters",
                "check that they were fitted to data of this kind",
            )
        return r, log_density

    def assign(self, data: Any) -> pd.DataFrame:
        """Colours of the rows of a frame, Arrow table or array: row, colour, p_red, p_blue, ..."""
        import pandas as pd

        values = self._encoded(data).values
        r = self.posterior(values)
        names = np.array(self.mixture.colours)
        found = {"row": np.arange(1, values.shape[1] + 1), "colour": names[r.argmax(axis=0)]}
        found |= {f"p_{name}": p for name, p in zip(names, r, strict=True)}
        return pd.DataFrame(found)

    def score(self, data: Any) -> Scores:
        """Log density of the rows of a frame, Arrow table or array."""
        found = self.log_density(self._encoded(data).values)
        return Scores(found, float(found.sum()), float(found.mean()))

    def sample(self, n: int, seed: int = 0, given: Any = None) -> pd.DataFrame:
        """n rows drawn from the model, their true colours in the last column.

        given: a table with the columns that the model reads but does not draw (trials); its rows
        are taken in turn.
        """
        import pandas as pd

        return pd.DataFrame(self.draw(n, seed, given))

    def draw(self, n: int, seed: int = 0, given: Any = None) -> dict[str, Any]:
        """`sample` as a dictionary of columns, without pandas."""
        described = {name for f in self.mixture.families for name in f.columns}
        beside = tuple(column for column in self.columns if column.name not in described)
        held: dict[str, Array] = {}
        if given is not None and beside:
            data = columns.encode(as_table(given), beside, settings.Selecting())
            rows = np.arange(n) % data.values.shape[1]
            held = {c.name: row[rows] for c, row in zip(beside, data.values, strict=True)}
        try:
            values, colours = self.mixture.sample(np.random.default_rng(seed), n, held or None)
        except ValueError as error:
            raise InputError(f"these parameters cannot be drawn from: {error}") from None
        place = {name: j for j, name in enumerate(self.mixture.inputs)}
        cells = columns.decode(self.columns, values[[place[name] for name in self.names]])
        return {**cells, "colour": np.array(self.mixture.colours)[colours]}

    def _encoded(self, data: Any) -> Data:
        return encode(self, as_table(data))


@dataclass(frozen=True)
class Outcome:
    """What came of `fit_table`: the fit, the rows it saw, and what there is to say."""

    fitted: Fitted
    data: Data
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = field(default=(), repr=False)


def load(path: str) -> Fitted:
    """The fit in a parameters file ('-' is standard input); `InputError` if it is not one."""
    found = document.read(path)
    return Fitted(found.mixture, found.columns, found.fit, found.selection, found.provenance)


def fit(
    data: Any,
    model: str = "gaussian",
    k: int | str | Sequence[int] = "1-9",
    *,
    listen: Listener = ignore,
    **options: Any,
) -> Fitted:
    """Fit a mixture to a pandas DataFrame, an Arrow table or a NumPy array (rows first).

    model and k are those of `emcli fit -m` and `-k`; options are its long options with
    underscores (`starts=20`, `weight="frequency"`, `criterion="icl"`). Raises `UsageError`,
    `InputError` or `FitError`, all of them `emcli.errors.EmcliError`.
    """
    ks = k if isinstance(k, (int, str)) else ",".join(map(str, k))
    asked = settings.build(FitSettings, {"model": model, "components": ks, **options})
    return fit_table(as_table(data), asked, listen).fitted


def as_table(data: Any) -> tables.Table:
    """Whatever holds a table, as one."""
    if isinstance(data, tables.Table):
        return data
    import pyarrow as pa

    if isinstance(data, np.ndarray):
        array = data[:, None] if data.ndim == 1 else data
        if array.ndim != 2:
            raise InputError(f"the array has {array.ndim} dimensions", "pass rows by columns")
        named = {f"x{j + 1}": pa.array(column) for j, column in enumerate(array.T)}
        return tables.from_arrow(pa.table(named))
    if isinstance(data, pa.Table):
        return tables.from_arrow(data)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return tables.from_arrow(pa.Table.from_pandas(data, preserve_index=False))
    raise InputError(
        f"a {type(data).__name__} is not a table", "pass a DataFrame, an Arrow table or an array"
    )


def encode(
    fitted: Fitted, table: tables.Table, selecting: settings.Selecting | None = None
) -> Data:
    """New rows as numbers, by the columns and levels the fit learnt."""
    families = fitted.mixture.families
    checks = {name: [type(family)] for family in families for name in family.columns}
    trials = {
        name: limit
        for family in families
        if (limit := family.options_of(family.to_dict(0)).get("trials")) is not None
        for name in family.columns
    }
    rows = selecting or settings.Selecting()
    try:
        data = columns.encode(table, fitted.columns, rows, checks, trials)
    except InputError as error:
        if "--missing" in error.hint:
            raise
        raise InputError(error.sentence, "the model was fitted without such cells") from None
    for family in families:
        if family.correlated:
            _refuse_missing(table, data, family.columns, family.label, choose=False)
    return data


def fit_table(
    table: tables.Table, asked: FitSettings, listen: Listener = ignore
) -> Outcome:
    """The whole of `emcli fit` between reading and writing."""
    terms = grammar.parse(asked.modelling.model)
    plan = columns.plan(table, terms, asked.selecting)
    data = columns.encode(table, plan.columns, asked.selecting, plan.checks, plan.trials)
    if not data.values.shape[1]:
        raise InputError(
            f"{table.label}: every row has an empty cell, so --missing drop leaves none",
            "leave out the emptiest column with -x, or type --missing use",
        )
    models = _models(plan.models, data, table, asked)
    names = [column.name for column in data.columns]
    weights = _weights(data)
    with one_blas_thread():
        source = MemorySource(data.values, names, weights, asked.running.threads)
        if not source.weight_total > 0:
            raise InputError(f"{table.label}: no row has a value to use", "check the columns")
        given, colours = _given(asked, models, source)
        search = Search(source, asked, listen, given)
        ks = (given.k,) if given else asked.modelling.components
        cells = search.cells(models, ks)
        best = _chosen(cells, asked, search)
        assert best.mixture is not None
        names_of = colours or palette.names(best.k, asked.modelling.colours)
        mixture = replace(best.mixture, colours=names_of[: best.k])
        fitted = _fitted(mixture, best, cells, data, source, asked)
    notes = (*plan.notes, *_notes(data, models))
    return Outcome(fitted, data, notes, tuple(fitted.fit["warnings"]), tuple(cells))


def _notes(data: Data, models: Sequence[Model]) -> list[str]:
    """What the data did to the fit, and what may suit them better."""
    found = []
    dropped = data.total_rows - data.values.shape[1]
    if dropped:
        found.append(f"{dropped} of {data.total_rows} rows have an empty cell and were dropped")
    normal = all(part.family.name == "gaussian" for model in models for part in model.parts)
    head = data.values[:, :1000]
    if normal and all(len(np.unique(row[~np.isnan(row)])) <= 2 for row in head):
        found.append("every column has two values at most: -m bernoulli may suit better")
    return found


def _models(
    claims: Sequence[Sequence[Claim]], data: Data, table: tables.Table, asked: FitSettings
) -> list[Model]:
    """The models to fit, each once (with one column, eight structures are the same)."""
    at = {column.name: j for j, column in enumerate(data.columns)}
    found: dict[Any, Model] = {}
    for model in claims:
        parts = []
        for claim in model:
            family = catalogue.family(claim.term.family)
            options = {} if claim.trials is None else {"trials": claim.trials}
            rows = [at[name] for name in claim.columns]
            part = Part(
                family, claim.columns, claim.term.variant, options,
                tuple(data.columns[j].levels for j in rows),
                tuple(i for i, j in enumerate(rows) if np.isnan(data.values[j]).any()),
            )
            if part.incomplete and family.needs_whole_rows(part):
                _refuse_missing(table, data, part.columns, family.title(part), choose=True)
            parts.append(part)
        one = Model(tuple(parts), asked.modelling.equal_weights)
        found.setdefault((one.name, one.columns), one)
    return list(found.values())


def _refuse_missing(
    table: tables.Table, data: Data, names: Sequence[str], title: str, choose: bool
) -> None:
    """Refuse empty cells in a block whose columns are correlated."""
    at = [column.name for column in data.columns]
    for name in names:
        empty = np.flatnonzero(np.isnan(data.values[at.index(name)]))
        if len(empty):
            more = len(empty) - 1
            many = f", as in {more} other row{'s' * (more > 1)}," if more else ","
            what = f"the cell is empty{many} which {title} cannot use yet"
            hint = "type --missing drop"
            if choose:
                hint += ", or choose a model of independent columns (gaussian:VVI)"
            raise table.refusal(name, _input_row(data, int(empty[0])), what, hint)


def _input_row(data: Data, row: int) -> int:
    return row if data.rows is None else int(data.rows[row])


def _weights(data: Data) -> Array | None:
    """Row weights; a row with nothing observed counts for nothing."""
    empty = np.isnan(data.values).all(axis=0)
    if not empty.any():
        return data.weights
    return np.where(empty, 0.0, 1.0 if data.weights is None else data.weights)


def _given(
    asked: FitSettings, models: Sequence[Model], source: MemorySource
) -> tuple[Mixture | None, tuple[str, ...]]:
    """The mixture of `--start FILE` and its colours, where that is what was asked."""
    start = asked.searching.start
    if start is None or start in settings.STARTS:
        return None, ()
    mixture = document.read(start, start=True).mixture
    ks = asked.modelling.components
    if ks != settings.Modelling().components and ks != (mixture.k,):
        raise UsageError(f"{start} has {mixture.k} components", f"type -k {mixture.k}, or no -k")
    model = models[0]
    if len(models) > 1 or mixture.name != model.name or mixture.inputs != model.inputs:
        raise UsageError(
            f"{start} holds {mixture.name} on {', '.join(mixture.inputs)}, not the model asked for",
            f"type -m '{mixture.name}' and the same columns",
        )
    ready = replace(mixture, equal_weights=asked.modelling.equal_weights)
    return ready.seeing(source.values, source.names), mixture.colours


def _chosen(cells: Sequence[Cell], asked: FitSettings, search: Search) -> Cell:
    """The fitted cell with the least criterion; of ties the one with fewest parameters."""
    name = asked.searching.criterion
    fitted = [c for c in cells if c.criteria and c.criteria.value(name) is not None]
    if not fitted:
        raise _failure(cells, search)
    free = {id(c): c.criteria.free for c in fitted if c.criteria}
    return min(fitted, key=lambda c: (_rounded(c.criteria, name), free[id(c)]))


def _rounded(criteria: Criteria | None, name: str) -> float:
    """The criterion to 10 digits: what differs by less is a tie."""
    value = criteria.value(name) if criteria else None
    return float("inf") if value is None else float(f"{value:.10g}")


def _failure(cells: Sequence[Cell], search: Search) -> FitError | InputError:
    few = [cell for cell in cells if cell.status == "too few rows"]
    if len(few) == len(cells):
        return InputError(
            f"the {search.source.counted} rows, equal ones once, are too few for {few[0].model} "
            f"with k = {few[0].k}",
            "ask for fewer components by -k, or for a simpler model",
        )
    bad = next((cell for cell in cells if cell.status == "degenerate"), None)
    if bad is None:
        return FitError(
            f"{search.settings.searching.criterion} is defined for none of these fits: too few "
            "rows for their parameters", "ask for fewer components by -k, or for another criterion",
        )
    many = f"{bad.k} components" if bad.k > 1 else "one component"
    fewer = "ask for fewer components by -k, " if bad.k > 1 else ""
    return FitError(
        f"{bad.model} with {many} is degenerate from every start: {bad.trouble}",
        f"{fewer}leave out columns that repeat others or hardly vary by -x, or try another model",
    )


def _fitted(
    mixture: Mixture, cell: Cell, cells: Sequence[Cell], data: Data, source: MemorySource,
    asked: FitSettings,
) -> Fitted:
    criteria = cell.criteria
    assert criteria is not None
    # What the file says is what is reported: the same numbers as a reader of the file gets.
    same = Mixture.from_dict(mixture.to_dict(), mixture.name)
    written = Fitted(replace(same, equal_weights=mixture.equal_weights), data.columns, {})
    r, log_density = written._evaluate(source.values, asked.running.threads)
    w = np.ones(source.rows) if source.weights is None else source.weights
    empty = np.isnan(data.values).all(axis=0)
    name = asked.searching.criterion
    found = {
        "log_likelihood": cell.log_likelihood,
        "free_parameters": criteria.free,
        **({"equal_weights": True} if mixture.equal_weights else {}),
        "rows": int(source.rows - empty.sum()),
        "weight_total": _whole(source.weight_total),
        **({} if data.rows is None else {"rows_dropped": data.total_rows - source.rows}),
        "missing_cells": int(np.isnan(data.values).sum()),
        "bic": criteria.value("bic"),
        "aic": criteria.value("aic"),
        "icl": criteria.value("icl"),
        **({} if name in ("bic", "aic", "icl") else {name: criteria.value(name)}),
        "entropy": criteria.entropy,
        "criterion": name,
        "converged": cell.converged,
        "stopped": cell.stopped,
        "iterations": cell.iterations,
        "remaining_gain": cell.remaining,
        "start": {"name": cell.start, "index": cell.index, "seed": asked.searching.seed},
        "starts": cell.starts,
        "starts_finished": cell.finished,
        "starts_at_best": cell.at_best,
        "seed": asked.searching.seed,
        "log_density_quantiles": _quantiles(log_density, np.where(empty, 0.0, w)),
        "diagnostics": {
            "sizes": [_whole(x) for x in np.bincount(r.argmax(axis=0), w, mixture.k)],
            "at_a_limit": [
                f"{colour}: {what}"
                for k, colour in enumerate(mixture.colours)
                for f in mixture.families for what in f.boundary(k)
            ],
        },
        "warnings": _warnings(cell, cells, source, asked),
    }
    selection = tuple(_row(c, name) for c in cells)
    return replace(written, fit=found, selection=selection)


def _whole(x: float) -> int | float:
    """A whole number as one, so that counts are written as counts."""
    return int(x) if float(x).is_integer() else float(x)


def _quantiles(x: Array, w: Array) -> dict[str, float]:
    """Weighted quantiles: the least value with at least that share of the weight at or below."""
    order = np.argsort(x, kind="stable")
    share = np.cumsum(w[order]) / w.sum()
    at = np.minimum(np.searchsorted(share, QUANTILES, side="left"), len(x) - 1)
    return {f"{q:g}": float(v) for q, v in zip(QUANTILES, x[order][at], strict=True)}


def _row(cell: Cell, criterion: str) -> dict[str, Any]:
    """A line of the criterion table."""
    found = cell.criteria
    names = dict.fromkeys(("bic", criterion))
    return {
        "model": cell.model,
        "k": cell.k,
        "log_likelihood": cell.log_likelihood,
        "free_parameters": found.free if found else None,
        **{name: found.value(name) if found else None for name in names},
        "status": cell.status,
    }


def _warnings(
    best: Cell, cells: Sequence[Cell], source: MemorySource, asked: FitSettings
) -> list[str]:
    """What a careful user should know, one sentence each."""
    found = []
    if not best.converged:
        left = "" if best.remaining is None else f", about {best.remaining:.1g} nats short"
        found.append(
            f"not converged: {best.model} with {best.k} components stopped at "
            f"{best.stopped.replace('_', ' ')}{left}; raise --max-iterations or --max-time"
        )
    if source.weights is not None and source.weight_total < int((source.weights > 0).sum()):
        found.append(
            f"the weights add up to {source.weight_total:.6g}, less than the number of rows: they "
            "are taken as frequencies, and criteria depend on their sum"
        )
    tied = [
        c for c in cells
        if c is not best and c.criteria
        and _rounded(c.criteria, asked.searching.criterion)
        == _rounded(best.criteria, asked.searching.criterion)
    ]
    if tied:
        others = ", ".join(f"{c.model} with {c.k}" for c in tied[:3])
        found.append(f"a tie: {others} has the same {asked.searching.criterion.upper()}")
    ks = asked.modelling.components
    whole = all(cell.status != "not run" for cell in cells)
    if whole and len(ks) > 1 and best.k == max(ks):
        found.append(f"the largest k asked for was chosen; try -k {ks[0]}-{2 * best.k}")
    return found
