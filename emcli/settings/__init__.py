"""Every option of emcli, declared once.

An option is a field of one of a few frozen objects. Its flags, help, default and validation live
here and nowhere else: the command line (`cli/options.py`), `EMCLI_*` variables, TOML configuration
and the Python API (`emcli.fit(..., starts=20)`) are all made from these fields.
"""

from __future__ import annotations

from emcli.settings.declaring import build, changed, words
from emcli.settings.fitting import (
    CRITERIA,
    STARTS,
    FitSettings,
    Modelling,
    Output,
    Reading,
    Running,
    Searching,
    Selecting,
    Stopping,
    Talking,
)
from emcli.settings.others import (
    AssignOutput,
    AssignSettings,
    Cores,
    Families,
    Hush,
    ModelsSettings,
    NewRows,
    PlotRows,
    PlotSettings,
    Plotting,
    Reporting,
    ReportSettings,
    SampleSettings,
    Sampling,
    ScoreOutput,
    ScoreSettings,
    ShowSettings,
    WeighedRows,
)

__all__ = [
    "CRITERIA",
    "STARTS",
    "AssignOutput",
    "AssignSettings",
    "Cores",
    "Families",
    "FitSettings",
    "Hush",
    "Modelling",
    "ModelsSettings",
    "NewRows",
    "Output",
    "PlotRows",
    "PlotSettings",
    "Plotting",
    "Reading",
    "ReportSettings",
    "Reporting",
    "Running",
    "SampleSettings",
    "Sampling",
    "ScoreOutput",
    "ScoreSettings",
    "Searching",
    "Selecting",
    "ShowSettings",
    "Stopping",
    "Talking",
    "WeighedRows",
    "build",
    "changed",
    "words",
]
