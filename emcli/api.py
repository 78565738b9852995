"""emcli as a library: `emcli.fit(table, model=..., k=...)`.

The command line does nothing that is not here: it reads a table, calls `fit_table`, and writes
what the `Outcome` holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from emcli import columns, document, grammar, settings, tables
from emcli.cell import Cell
from emcli.columns import Claim, Data
from emcli.composing import Named, assembled, coloured, composed, refuse_noise
from emcli.errors import EmcliError, FitError, InputError, UsageError
from emcli.events import Listener, ignore
from emcli.families import catalogue
from emcli.families.base import Part
from emcli.families.known import Known
from emcli.families.undivided import gapped
from emcli.fitted import Fitted, Scores, load
from emcli.mixture import Mixture, Model
from emcli.newrows import as_table, encode, refuse_gaps, refuse_rows
from emcli.outcome import Outcome, described, notes_on, recorded, rounded
from emcli.search import Search
from emcli.settings import FitSettings
from emcli.sources.memory import one_blas_thread
from emcli.sources.spool import Spool
from emcli.workers import in_order

__all__ = [
    "Fitted", "Outcome", "Scores", "as_table", "encode", "fit", "fit_each", "fit_table", "load",
]  # fmt: skip


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
    return fit_table(as_table(data), _asked(model, k, options), listen).fitted


def fit_each(
    tables: Iterable[Any],
    model: str = "gaussian",
    k: int | str | Sequence[int] = "1-9",
    **options: Any,
) -> Iterator[Fitted | EmcliError]:
    """What `fit` makes of each table, in their order, on all cores; or the error it raises.

    A table that fails is told by its error, and the others are finished. Tables are taken from the
    iterable a few at a time, and results are let go as they are handed over. Raises `UsageError`
    at once for options that make no sense whatever the table.
    """
    asked = _asked(model, k, options)
    cores = asked.running.threads or os.cpu_count() or 1
    return in_order(partial(_tried, asked), tables, partial(_elsewhere, asked), cores)


def _asked(model: str, k: int | str | Sequence[int], options: Mapping[str, Any]) -> FitSettings:
    """The settings that the arguments of `fit` mean."""
    ks = k if isinstance(k, (int, str)) else ",".join(map(str, k))
    found: FitSettings = settings.build(FitSettings, {"model": model, "components": ks, **options})
    return found


def _tried(asked: FitSettings, data: Any) -> Fitted | EmcliError:
    """The fit to a table, or why there is none."""
    try:
        return fit_table(as_table(data), asked).fitted
    except EmcliError as error:
        return error.with_traceback(None)  # which would hold the table


def _elsewhere(asked: FitSettings) -> Callable[[Any], Fitted | EmcliError]:
    """A worker's task: the same on one core, for there is a worker for each."""
    return partial(_tried, replace(asked, running=replace(asked.running, threads=1)))


def fit_table(
    table: tables.Table, asked: FitSettings, listen: Listener = ignore
) -> Outcome:
    """The whole of `emcli fit` between reading and writing."""
    files = asked.modelling.family_file
    own = catalogue.use(files) if files else ()
    free = asked.modelling.components == settings.Modelling().components
    options = recorded(asked)
    asked, named = composed(asked)
    terms = grammar.parse(asked.modelling.model)
    if asked.modelling.noise:
        refuse_noise(terms)
    if table.spool is None:
        table.spool = Spool(asked.running.memory, asked.running.spool)
    plan = columns.plan(table, terms, asked.selecting)
    data = columns.encode(
        table, plan.columns, asked.selecting, plan.checks, plan.trials, plan.partly
    )
    if not data.values.shape[1]:
        raise InputError(
            f"{table.label}: every row has an empty cell, so --missing drop leaves none",
            "leave out the emptiest column with -x, or type --missing use",
        )
    if data.weights is not None and not data.weights.any():
        raise InputError(
            f"{table.label}: the weights in column '{asked.selecting.weight}' are all zero",
            "give a row some weight",
        )
    models = _models(plan, data, table, asked, named)
    with one_blas_thread():
        source = data.source(asked.running.threads)
        if not source.weight_total > 0:
            raise InputError(f"{table.label}: no row has a value to use", "check the columns")
        given, colours = _given(asked, models, data)
        search = Search(source, asked, listen, given)
        ks = (given.k,) if given else _enough(asked, models, free)
        cells = search.cells(models, ks)
        best = _chosen(cells, asked, search, _labels(models))
        assert best.mixture is not None
        names_of = colours or coloured(best.mixture, asked.modelling.colours)
        mixture = replace(best.mixture, colours=names_of[: best.k])
        fitted = described(mixture, best, cells, data, source, asked)
        if asked.selecting.truth:
            from emcli.truth import compared

            fitted = compared(table, asked.selecting.truth, fitted, data)
        fitted = replace(fitted, fit=fitted.fit | {"options": options})
    used = {claim.term.family for claims in plan.models for claim in claims}
    idle = [f"--family-file knows {name}; -m does not ask for it" for name in sorted({*own} - used)]
    notes = (*plan.notes, *notes_on(data, models, asked.modelling.noise), *idle)
    return Outcome(fitted.forgetting(), fitted, data, notes, tuple(fitted.fit["warnings"]))


def _models(
    plan: columns.Plan, data: Data, table: tables.Table, asked: FitSettings,
    named: Sequence[Named],
) -> list[Model]:
    """The models to fit, each once (with one column, eight structures are the same)."""
    found: dict[Any, Model] = {}
    for model in plan.models:
        written = [claim for claim in model if claim.family.written]
        kinds = [
            tuple(
                _seen(_part(claim, data, table), plan.partly)
                for claim in written if claim.term.kind == kind
            )
            for kind in range(written[-1].term.kind + 1)
        ]
        labels = [_part(claim, data, table) for claim in model if not claim.family.written]
        parts = (*assembled(kinds, named, asked.modelling.noise), *labels)
        one = Model(parts, asked.modelling.equal_weights)
        found.setdefault((one.name, one.columns), one)
    return list(found.values())


def _seen(part: Part, partly: Mapping[str, columns.Partly]) -> Part:
    """The block, or what stands for it where its column was seen in part."""
    one = partly.get(part.columns[0])
    if one is None:
        return part
    from emcli.families.interval import Interval

    return Interval.part(part, one.second, one.low, one.high)


def _part(claim: Claim, data: Data, table: tables.Table) -> Part:
    """A block as the table has it."""
    family = claim.family
    part = data.part(family, claim.columns, claim.term.variant, claim.options)
    family.refuse(part)
    refuse_rows(table, data, family, part.columns)
    if part.incomplete and family.correlated:
        refuse_gaps(table, data, part.columns, part.inputs, family.title(part))
    return gapped(part)


def _enough(asked: FitSettings, models: Sequence[Model], free: bool) -> list[int]:
    """The numbers of components that leave one for every kind, or label."""
    least = max(model.least_k for model in models)
    if free and asked.selecting.labels:
        return [least]
    enough = [k for k in asked.modelling.components if k >= least]
    if not enough:
        raise UsageError(
            f"{models[0].name} has {least} kinds or labels of component, more than k",
            f"type -k {least}",
        )
    return enough


def _given(
    asked: FitSettings, models: Sequence[Model], data: Data
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
    labels = [part for part in model.parts if not part.family.written]
    own = [part for part in model.parts if part.family.written]
    described = [name for part in own for name in part.columns]
    held = [name for family in mixture.families for name in family.columns]
    if len(models) > 1 or mixture.name != model.name or held != described:
        raise UsageError(
            f"{start} holds {mixture.name} on {', '.join(mixture.inputs)}, not the model asked for",
            f"type -m '{mixture.name}' and the same columns",
        )
    read = [p.family.around(f, p.options) for p, f in zip(own, mixture.families, strict=True)]
    families = (*read, *(Known.of(part, mixture.k) for part in labels))
    ready = replace(
        mixture, equal_weights=asked.modelling.equal_weights, families=families
    )
    holes = np.where(data.missing > 0, np.nan, 0.0)[:, None]
    return ready.seeing(holes, [column.name for column in data.columns]), mixture.colours


def _labels(models: Sequence[Model]) -> tuple[Any, ...]:
    """The colours that are known of some rows: those of the first components."""
    known = (part for part in models[0].parts if not part.family.written)
    return next((part.levels[0] or () for part in known), ())


def _chosen(
    cells: Sequence[Cell], asked: FitSettings, search: Search, labels: Sequence[Any]
) -> Cell:
    """The fitted cell with the least criterion; of ties the one with fewest parameters."""
    name = asked.searching.criterion
    fitted = [c for c in cells if c.criteria and c.criteria.value(name) is not None]
    if not fitted:
        raise _failure(cells, search, labels)
    free = {id(c): c.criteria.free for c in fitted if c.criteria}
    return min(fitted, key=lambda c: (rounded(c.criteria, name), free[id(c)]))


def _failure(
    cells: Sequence[Cell], search: Search, labels: Sequence[Any]
) -> FitError | InputError:
    few = [cell for cell in cells if cell.status == "too few rows"]
    if len(few) == len(cells):
        return InputError(
            f"the {search.source.counted} rows, equal ones once, are too few for {few[0].model} "
            f"with k = {few[0].k}",
            "ask for a simpler model" if few[0].k == 1
            else "ask for fewer components by -k, or for a simpler model",
        )
    bad = next((cell for cell in cells if cell.status == "degenerate"), None)
    if bad is None:
        return FitError(
            f"{search.settings.searching.criterion} is defined for none of these fits: too few "
            "rows for their parameters", "ask for fewer components by -k, or for another criterion",
        )
    many = f"{bad.k} components" if bad.k > 1 else "one component"
    trouble = re.sub(r"component (\d+)", partial(_by_label, labels), bad.trouble)
    fewer = "ask for fewer components by -k, " if bad.k > 1 else ""
    return FitError(
        f"{bad.model} with {many} is degenerate from every start: {trouble}",
        f"{fewer}leave out columns that repeat others, hardly vary or are mostly empty by -x, or "
        "try another model",
    )


def _by_label(labels: Sequence[Any], found: re.Match[str]) -> str:
    """A component as the labels name it, where they do."""
    number = int(found[1])
    return f"'{labels[number - 1]}'" if number <= len(labels) else found[0]
