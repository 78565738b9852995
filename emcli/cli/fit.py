"""`emcli fit`: read a table, fit, write what was asked for, print the summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, NamedTuple

from emcli.cli.common import DATA, format_of, importing, inputs_of, someone_looks, warn
from emcli.cli.options import Command
from emcli.errors import FitError, UsageError
from emcli.files import Outputs, print_text
from emcli.settings import STARTS, Families, FitSettings, Output, Reading, changed, words

if TYPE_CHECKING:
    from emcli.api import Outcome
    from emcli.cli.colouring import Lot
    from emcli.tables import Table

_HELP = """Fit a mixture to a table and print what was found.

DATA is one or several CSV, TSV, Parquet or Arrow files, a directory of Parquet files, or '-' for
standard input. Without -o or -a nothing is written, only a summary printed.

\b
emcli fit faithful.csv
emcli fit faithful.csv -k 2 -o params.json -a colours.csv
emcli fit iris.csv -m 'gaussian:*' -k 1-5
"""
_SEEN = 200_000  # rows that a picture in the terminal is made of, whatever the memory


class Result(NamedTuple):
    """What came of the fit, and the table it is of."""

    outcome: Outcome
    table: Table


def run(settings: FitSettings, data: Sequence[str]) -> None:
    """The command's work."""
    _check(settings)
    output, searching = settings.output, settings.searching
    start = None if searching.start in STARTS else searching.start
    with Outputs(inputs_of(data, start)) as outputs:
        files = {
            name: outputs.open(path)
            for name in ("params", "assignments", "impute", "trace")
            if (path := getattr(output, name)) is not None
        }
        result = _fit(data, settings, files.get("trace"))
        if "params" in files:
            files["params"].write(_document(result, data, settings).encode())
        if "assignments" in files:
            _write_assignments(files["assignments"], result, settings)
        if "impute" in files:
            result = _write_imputed(files["impute"], result, settings)
        page = _summary(result.outcome, data, settings) if _summarised(settings) else ""
        if output.plot:
            page += "\n" * bool(page) + _picture(result.outcome, settings)
    _report(result.outcome, settings, page)


def _check(settings: FitSettings) -> None:
    """Refuse options that do not go together, before anything is read."""
    output = settings.output
    for table in (output.assignments, output.impute):
        format_of(table or "")
    if output.trace_parameters and not output.trace:
        raise UsageError("--trace-parameters needs a trace", "add --trace FILE")
    if output.draws and not output.impute:
        raise UsageError("--draws needs a table to write", "add --impute FILE")
    if output.plot and _on_standard_output(output):
        raise UsageError("--plot prints where a file goes too", "give -o, -a and --trace files")
    for name in ("append", "no_probabilities"):
        if getattr(output, name) and not output.assignments:
            raise UsageError(
                f"--{name.replace('_', '-')} changes the assignments, and none are written",
                "add -a FILE",
            )


def _fit(data: Sequence[str], settings: FitSettings, trace: IO[bytes] | None) -> Result:
    with importing():
        from emcli import api, tables
        from emcli.report.progress import listening
        from emcli.report.trace import Trace
    from emcli.sources.spool import Spool

    spool = Spool(settings.running.memory, settings.running.spool)
    table = tables.read(data, settings.reading, spool=spool)
    with listening(settings.talking, settings.searching.criterion, sys.stderr) as listen:
        if trace is None:
            outcome = api.fit_table(table, settings, listen)
        else:
            with Trace(trace, settings.output.trace_parameters, listen) as recorded:
                outcome = api.fit_table(table, settings, recorded)
    if settings.output.strict and not outcome.fitted.fit["converged"]:
        raise FitError("not converged, which --strict forbids", "raise --max-iterations")
    return Result(outcome, table)


def _document(result: Result, data: Sequence[str], settings: FitSettings) -> str:
    fitted = result.outcome.fitted
    if settings.output.provenance:
        from emcli.cli.provenance import provenance

        fitted = replace(fitted, provenance=provenance(data))
    return fitted.to_json()


def _write_assignments(file: IO[bytes], result: Result, settings: FitSettings) -> None:
    """One line for each row of the input; rows that were dropped have no colour."""
    from emcli.cli.colouring import write_colours

    output = settings.output
    id_name = settings.selecting.id
    write_colours(
        file, format_of(output.assignments or ""), result.outcome.labelled,
        _lots(result, id_name, output.append), id_name,
        probabilities=not output.no_probabilities, append=output.append,
        threads=settings.running.threads,
    )  # fmt: skip


def _write_imputed(file: IO[bytes], result: Result, settings: FitSettings) -> Result:
    """The table with its empty cells filled, and notes of rows and cells to be wary of."""
    from emcli import tables
    from emcli.filling import Asked, Filling

    fmt, outcome = format_of(settings.output.impute or ""), result.outcome
    asked = Asked(settings.output.draws, settings.searching.seed, fmt == "csv")
    filling = Filling(outcome.labelled, result.table, outcome.data, asked)
    tables.write_rows(file, fmt, filling)
    left = [f"'{name}'" for name in result.table.names if name in filling.left]
    notes = list(outcome.notes)
    if left:
        notes.append(f"--impute leaves empty cells in {', '.join(left)}, of which the model cannot "
                     "tell")
    if empty := outcome.fitted.fit.get("rows_empty"):
        notes.append(f"--impute knows nothing of the rows that are empty ({empty}) and fills them "
                     "as it would any row")
    return result._replace(outcome=replace(outcome, notes=tuple(notes)))


def _lots(result: Result, id_name: str | None, append: bool) -> Iterator[Lot]:
    """All rows, with the columns of the input that are written."""
    from emcli import tables
    from emcli.cli.colouring import Lot

    table, data = result.table, result.outcome.data
    if not append and id_name is None:
        for first in range(0, table.rows, tables.PIECE):
            yield Lot(first, min(tables.PIECE, table.rows - first), data, first)
        return
    ids = () if id_name is None else (id_name,)
    for piece in tables.evenly(table, table.names if append else ids, ids):
        yield Lot(piece.first_row, piece.rows, data, piece.first_row, piece)


def _summarised(settings: FitSettings) -> bool:
    """Is the summary printed: neither under -q, nor where a file goes to standard output?"""
    return not settings.talking.quiet and not _on_standard_output(settings.output)


def _on_standard_output(output: Output) -> bool:
    """Does a file go there?"""
    written = {output.params, output.assignments, output.impute, output.trace}
    return bool({"-", "/dev/stdout"} & written)


def _picture(outcome: Outcome, settings: FitSettings) -> str:
    """The components among the rows, in the terminal."""
    from emcli.report.plots import Scene, terminal

    scene = Scene(outcome.labelled, outcome.data, settings.running.threads)
    return terminal.text(scene.thinned(_SEEN), sys.stdout)


def _report(outcome: Outcome, settings: FitSettings, page: str) -> None:
    """Warnings on standard error; the summary, where there is one, on standard output."""
    quiet = settings.talking.quiet
    both_seen = page and someone_looks() and sys.stdout is not None and sys.stdout.isatty()
    if not both_seen:
        warn(outcome.warnings, quiet)
    if page:
        print_text(page)
    elif settings.talking.verbose or (someone_looks() and not quiet):
        for note in outcome.notes:
            print(f"emcli: {note}", file=sys.stderr)


def _summary(outcome: Outcome, data: Sequence[str], settings: FitSettings) -> str:
    from emcli.report.summary import Page, summary

    fitted, first = outcome.fitted, "standard input" if data[0] == "-" else data[0]
    page = Page(
        title=first if len(data) == 1 else f"{first} and {len(data) - 1} more",
        notes=outcome.notes,
        warnings=outcome.warnings,
        next_steps=_next_steps(settings, data),
        full=settings.talking.verbose > 0,
    )
    return summary(fitted, fitted.mixture.to_dict(), page, sys.stdout)


def _next_steps(settings: FitSettings, data: Sequence[str]) -> list[tuple[str, str]]:
    """What to type to keep this fit and to see it, and what was not tried."""
    import shlex

    output, model = settings.output, settings.modelling.model
    wanted = [("-o", output.params, "params.json"), ("-a", output.assignments, "colours.csv")]
    more = [word for flag, given, name in wanted if not given for word in (flag, name)]
    steps = []
    if not output.params:
        steps.append(("To save this fit:", shlex.join(["emcli", *sys.argv[1:], *more])))
    if "-" not in data:
        steps.append(("To see it:", shlex.join(_plotting(settings, data))))
    if model.strip() == "gaussian" and not settings.modelling.component:
        steps.append(("Not tried:", "the other covariance structures, -m 'gaussian:*'"))
    return steps


def _plotting(settings: FitSettings, data: Sequence[str]) -> list[str]:
    """The command that draws the fit among its rows, which are read as they were here."""
    params = settings.output.params or "params.json"
    given = {
        name: value
        for bundle in (settings.modelling, settings.reading)
        for name, value in changed(bundle).items()
    }
    as_here = words((Families, Reading), given)
    return ["emcli", "plot", params, *data, *as_here, "-o", "clusters.png"]


command = Command(
    "fit", run, DATA, bundle=FitSettings, configurable=True, help=_HELP
)
