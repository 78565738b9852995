"""The options of `emcli fit`."""

from __future__ import annotations

from emcli.frozen import frozen
from emcli.settings.declaring import option
from emcli.settings.parsing import (
    at_least,
    parse_components,
    parse_draws,
    parse_duration,
    parse_list,
    parse_share,
    parse_size,
)

CRITERIA = ("bic", "icl", "aic", "aicc", "sabic", "caic", "cv")
STARTS = ("kmeans++", "random", "hierarchical", "quantile")


@frozen
class Reading:
    """How the bytes of a table become columns."""

    delimiter: str | None = option(
        "-d", "--delimiter", default=None, metavar="CHAR",
        help="Field separator of text tables; found by looking when not given ('tab' for a tab).",
    )
    decimal: str = option(
        "--decimal", default=".", metavar="CHAR", help="Decimal mark of text tables."
    )
    encoding: str = option(
        "--encoding", default="utf-8", metavar="NAME", help="Character encoding of text tables."
    )
    na: tuple[str, ...] | None = option(
        "--na", default=None, metavar="LIST", parse=parse_list,
        help="Words that mean an empty cell, separated by commas, in place of NA, NaN, null and "
        "their kin; an empty cell always does.",
    )
    no_header: bool = option(
        "--no-header", default=False, flag=True,
        help="The first line is data; columns are named column1, column2, ...",
    )


@frozen
class Selecting:
    """Which columns and rows of the table the model sees, and in what role."""

    columns: tuple[str, ...] = option(
        "-c", "--columns", default=(), metavar="SPEC", repeat=True,
        help="Columns of the model: names, 1-based positions, ranges a..d and 1..4, globs; "
        "separated by commas, repeatable. Default: all the model can use.",
    )
    exclude: tuple[str, ...] = option(
        "-x", "--exclude", default=(), metavar="SPEC", repeat=True, help="Columns to leave out."
    )
    id: str | None = option(
        "--id", default=None, metavar="COL",
        help="Column that names the rows; it takes the place of 'row' in the assignments.",
    )
    weight: str | None = option(
        "--weight", default=None, metavar="COL",
        help="Column of non-negative row weights; a weight of 2 is the row twice.",
    )
    labels: str | None = option(
        "--labels", default=None, metavar="COL",
        help="Column of colours that are known, empty where masked; components take its names, "
        "and -k defaults to their number.",
    )
    label_trust: float = option(
        "--label-trust", default=1.0, metavar="P", parse=parse_share,
        help="Probability that a label is right; below 1 labelled rows can take other colours.",
    )
    truth: str | None = option(
        "--truth", default=None, metavar="COL",
        help="Column to compare the colours with after the fit: crosstab, accuracy after the best "
        "matching, adjusted Rand index.",
    )
    interval: tuple[str, ...] = option(
        "--interval", default=(), metavar="NAME=LOWER,UPPER", repeat=True,
        help="A column known only to lie between two others, or binned: an empty side is "
        "unbounded, equal sides are the value itself; repeatable.",
    )
    censored: tuple[str, ...] = option(
        "--censored", default=(), metavar="COL=STATUS", repeat=True,
        help="Where STATUS is 0 or false the value is only known to be COL or more, or less with "
        "COL=STATUS:left; repeatable.",
    )
    truncated: tuple[str, ...] = option(
        "--truncated", default=(), metavar="[COL=]LOWER,UPPER", repeat=True,
        help="Values outside were never recorded; an empty side is open. COL is needed where the "
        "model has several columns; repeatable.",
    )
    missing: str = option(
        "--missing", default="use", choices=("use", "drop", "refuse"),
        help="Empty cells: used by EM (nothing imputed, nothing dropped), the row dropped, or an "
        "error naming the rows.",
    )


@frozen
class Modelling:
    """The mixture: families, number of components, constraints, names of the colours."""

    model: str = option(
        "-m", "--model", default="gaussian", metavar="MODEL",
        help="Model, or several separated by commas to compare: 'gaussian:VVE', 'gaussian:*', "
        "'poisson(visits) + categorical(sex)', 'auto'; see 'emcli models'.",
    )
    components: tuple[int, ...] = option(
        "-k", "--components", default=tuple(range(1, 10)), metavar="K", parse=parse_components,
        help="Number of components: 3, 1-9 or 2,4,8; with more than one the criterion chooses.",
    )
    component: tuple[str, ...] = option(
        "--component", default=(), metavar="COLOUR=MODEL", repeat=True,
        help="One component of another kind: red=poisson, or held as it is in a parameters file: "
        "red=FILE.json; repeatable. -m describes the others; -k defaults to their number.",
    )
    noise: bool = option(
        "--noise", default=False, flag=True,
        help="Add a uniform background, grey, for outliers; -k counts the others.",
    )
    equal_weights: bool = option(
        "--equal-weights", default=False, flag=True, help="Hold the mixing weights at 1/k."
    )
    family_file: tuple[str, ...] = option(
        "--family-file", default=(), metavar="FILE.py:NAME", repeat=True,
        help="A distribution of your own: a class with a log density and its parameters' bounds; "
        "-m knows it by the class's name in lower case; repeatable.",
    )
    colours: tuple[str, ...] = option(
        "--colours", default=(), metavar="LIST", parse=parse_list,
        help="Names of the components, largest first, in place of red, blue, green, ...",
    )


@frozen
class Searching:
    """Where EM starts and how the winner is chosen."""

    criterion: str = option(
        "--criterion", default="bic", choices=CRITERIA,
        help="Chooses among models and k; -2 log L + penalty, smaller is better.",
    )
    folds: int = option(
        "--folds", default=10, metavar="N", parse=at_least(int, 2),
        help="Folds of --criterion cv.",
    )
    start: str | None = option(
        "--start", default=None, metavar="NAME|PARAMS.json",
        help="kmeans++, random, hierarchical or quantile for every start, or a parameters file "
        "to start from. Default: the best of several kinds.",
    )
    starts: int = option(
        "--starts", default=10, metavar="N", parse=at_least(int, 1),
        help="Number of starts for each model and k.",
    )
    seed: int = option(
        "--seed", default=0, metavar="S", parse=at_least(int, 0),
        help="Seed of the random starts; recorded in the parameters.",
    )


@frozen
class Stopping:
    """When a run of EM ends, and whether it is accelerated."""

    tolerance: float = option(
        "--tolerance", default=1e-7, metavar="T", parse=at_least(float, 0.0),
        help="Stop when the estimated log-likelihood still to come is under T nats in total.",
    )
    max_iterations: int = option(
        "--max-iterations", default=10_000, metavar="N", parse=at_least(int, 0),
        help="Most EM steps of one run.",
    )
    max_time: float | None = option(
        "--max-time", default=None, metavar="DURATION", parse=parse_duration,
        help="Stop starting new work after this long (90s, 5m, 1h30m) and keep the best so far.",
    )
    acceleration: str = option(
        "--acceleration", default="lbfgs", choices=("lbfgs", "squarem", "none"),
        help="What jumps ahead once plain EM has settled: L-BFGS, SQUAREM or nothing.",
    )


@frozen
class Running:
    """The machine."""

    threads: int | None = option(
        "--threads", default=None, metavar="N", parse=at_least(int, 1),
        help="Processor cores to use; the result does not depend on it. Default: all.",
    )
    memory: int | None = option(
        "--memory", default=None, metavar="SIZE", parse=parse_size,
        help="Memory to stay under (256M, 2G); a table that does not fit is kept in --spool, and "
        "the result does not depend on it. Default: 75% of what is free.",
    )
    spool: str | None = option(
        "--spool", default=None, metavar="DIR",
        help="Directory for what does not fit into memory; nothing stays there. Default: the "
        "temporary directory.",
    )


@frozen
class Output:
    """What is written, and where."""

    params: str | None = option(
        "-o", "--params", default=None, metavar="FILE",
        help="Write the parameters as JSON; '-' is standard output.",
    )
    assignments: str | None = option(
        "-a", "--assignments", default=None, metavar="FILE",
        help="Write each row's colour as CSV, or Parquet by its ending; '-' is standard output.",
    )
    impute: str | None = option(
        "--impute", default=None, metavar="FILE",
        help="Write the table with what is expected in each empty cell the model describes, the "
        "most probable level in one of levels; CSV, or Parquet by its ending; '-' is standard "
        "output.",
    )
    draws: int | None = option(
        "--draws", default=None, metavar="M", parse=parse_draws,
        help="Multiple imputations: --impute writes M tables under each other, their empty cells "
        "drawn, numbered by a first column 'draw'.",
    )
    append: bool = option(
        "--append", default=False, flag=True, help="Keep the input's columns in the assignments."
    )
    no_probabilities: bool = option(
        "--no-probabilities", default=False, flag=True, help="Write only the colour."
    )
    trace: str | None = option(
        "--trace", default=None, metavar="FILE", help="Write one JSON line for each EM step."
    )
    trace_parameters: bool = option(
        "--trace-parameters", default=False, flag=True, help="Parameters in the trace too."
    )
    strict: bool = option(
        "--strict", default=False, flag=True,
        help="Not converged or degenerate is a failure: exit 4, nothing written.",
    )
    plot: bool = option(
        "--plot", default=False, flag=True,
        help="Show the components in the terminal after the summary.",
    )
    provenance: bool = option(
        "--provenance", default=False, flag=True,
        help="Time, host, paths and versions into the parameters.",
    )


@frozen
class Talking:
    """What is said on standard error while it runs."""

    progress: str = option(
        "--progress", default="auto", choices=("auto", "lines", "json", "never"),
        help="Live display on a terminal, plain lines, JSON lines, or nothing.",
    )
    quiet: bool = option(
        "-q", "--quiet", default=False, flag=True, help="No summary and no warnings."
    )
    verbose: int = option("-v", "--verbose", default=0, count=True, help="Say more.")


@frozen
class FitSettings:
    """All that `emcli fit` was asked, beside the data."""

    modelling: Modelling = Modelling()
    selecting: Selecting = Selecting()
    output: Output = Output()
    searching: Searching = Searching()
    stopping: Stopping = Stopping()
    reading: Reading = Reading()
    running: Running = Running()
    talking: Talking = Talking()
