"""The options of the other commands; those of `emcli fit` among them are declared there."""

from __future__ import annotations

from emcli.frozen import frozen
from emcli.settings.declaring import as_in, option
from emcli.settings.fitting import Modelling, Output, Reading, Running, Selecting
from emcli.settings.parsing import at_least, parse_quantile

PICTURES = (
    "clusters", "bound", "convergence", "criterion", "uncertainty", "scree", "animation",
    "terminal",
)  # fmt: skip


@frozen
class Cores:
    """The machine."""

    threads: int | None = as_in(Running, "threads")


@frozen
class Families:
    """Distributions of your own that the parameters are of."""

    family_file: tuple[str, ...] = as_in(Modelling, "family_file")


@frozen
class NewRows:
    """Which rows are looked at, and how they are named."""

    id: str | None = as_in(Selecting, "id")
    interval: tuple[str, ...] = as_in(Selecting, "interval")
    censored: tuple[str, ...] = as_in(Selecting, "censored")
    missing: str = as_in(Selecting, "missing")


@frozen
class WeighedRows(NewRows):
    """Which rows are looked at, how they are named, and how much each counts in the total."""

    weight: str | None = as_in(Selecting, "weight")


@frozen
class AssignOutput:
    """What is written, and where."""

    assignments: str = option(
        "-a", "-o", "--assignments", default="-", metavar="FILE",
        help="Write each row's colour as CSV, or Parquet by its ending; '-' is standard output.",
    )
    append: bool = as_in(Output, "append")
    no_probabilities: bool = as_in(Output, "no_probabilities")


@frozen
class ScoreOutput:
    """What is written, and where."""

    output: str = option(
        "-o", "--output", default="-", metavar="FILE",
        help="Write each row's log density as CSV, or Parquet by its ending; '-' is standard "
        "output.",
    )
    below: float | None = option(
        "--below", default=None, metavar="Q", parse=parse_quantile,
        help="List only the rows under the Q-quantile of the fitted data's log densities (0.01: "
        "the strangest hundredth).",
    )


@frozen
class Sampling:
    """How many rows are drawn, and where they go."""

    rows: int | None = option(
        "-n", "--rows", default=None, metavar="N", parse=at_least(int, 1),
        help="Number of rows to draw.",
    )
    seed: int = option(
        "--seed", default=0, metavar="S", parse=at_least(int, 0),
        help="Seed of the draws; the same seed draws the same rows.",
    )
    given: str | None = option(
        "--given", default=None, metavar="DATA",
        help="Table with the columns the model reads but does not draw (a binomial's trials); its "
        "rows are taken in turn.",
    )
    output: str = option(
        "-o", "--output", default="-", metavar="FILE",
        help="Write the rows as CSV, or Parquet by its ending; '-' is standard output.",
    )


@frozen
class Hush:
    """What is said on standard error."""

    quiet: bool = option(
        "-q", "--quiet", default=False, flag=True, help="No totals and no warnings."
    )


@frozen
class PlotRows:
    """Which rows are drawn, and what they weigh: as in the fit, unless told."""

    weight: str | None = as_in(Selecting, "weight")
    interval: tuple[str, ...] = as_in(Selecting, "interval")
    censored: tuple[str, ...] = as_in(Selecting, "censored")
    missing: str = as_in(Selecting, "missing")


@frozen
class Plotting:
    """Which picture, and where it goes."""

    kind: str = option(
        "--kind", default="clusters", choices=PICTURES,
        help="The components among the rows, EM's lower bound, the log-likelihood by iteration, "
        "the criterion by k, how sure the colours are, what each column tells of them, EM at work "
        "as a moving picture, or the components in the terminal.",
    )
    output: str | None = option(
        "-o", "--output", default=None, metavar="FILE",
        help="Write the picture as .png, .svg or .pdf by its ending (.gif or .html for "
        "animation, .txt for terminal); '-' is standard output, as SVG.",
    )
    iteration: int | None = option(
        "--iteration", default=None, metavar="T", parse=at_least(int, 0),
        help="Iteration of EM at which --kind bound begins; 0 is the start. Default: an early one "
        "that tells much.",
    )
    trace: str | None = option(
        "--trace", default=None, metavar="FILE",
        help="What 'emcli fit --trace' wrote, for --kind convergence.",
    )


@frozen
class Reporting:
    """Where the page goes, and what its pictures are of."""

    output: str | None = option(
        "-o", "--output", default=None, metavar="FILE",
        help="Write the page as HTML; '-' is standard output.",
    )
    iteration: int | None = as_in(Plotting, "iteration")
    trace: str | None = as_in(Plotting, "trace")


@frozen
class AssignSettings:
    """All that `emcli assign` was asked, beside the parameters and the data."""

    output: AssignOutput = AssignOutput()
    rows: NewRows = NewRows()
    families: Families = Families()
    reading: Reading = Reading()
    running: Cores = Cores()
    talking: Hush = Hush()


@frozen
class ScoreSettings:
    """All that `emcli score` was asked, beside the parameters and the data."""

    output: ScoreOutput = ScoreOutput()
    rows: WeighedRows = WeighedRows()
    families: Families = Families()
    reading: Reading = Reading()
    running: Cores = Cores()
    talking: Hush = Hush()


@frozen
class PlotSettings:
    """All that `emcli plot` was asked, beside the parameters and the data."""

    plotting: Plotting = Plotting()
    rows: PlotRows = PlotRows()
    families: Families = Families()
    reading: Reading = Reading()
    running: Cores = Cores()


@frozen
class ReportSettings:
    """All that `emcli report` was asked, beside the parameters and the data."""

    reporting: Reporting = Reporting()
    rows: PlotRows = PlotRows()
    families: Families = Families()
    reading: Reading = Reading()
    running: Cores = Cores()


@frozen
class SampleSettings:
    """All that `emcli sample` was asked, beside the parameters."""

    sampling: Sampling = Sampling()
    families: Families = Families()


@frozen
class ShowSettings:
    """All that `emcli show` was asked, beside the parameters."""

    families: Families = Families()


@frozen
class ModelsSettings:
    """All that `emcli models` was asked, beside a name."""

    families: Families = Families()
