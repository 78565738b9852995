"""`emcli report`: a fit on one page of HTML that needs nothing beside itself."""

from __future__ import annotations

import io
import json
import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from os.path import basename
from typing import Any

import numpy as np

from emcli import __version__
from emcli.errors import EmcliError
from emcli.report import numbers, plots
from emcli.report.criterion import draw_comparison
from emcli.report.html import HtmlSheet
from emcli.report.plots import Scene
from emcli.report.sheet import Column
from emcli.report.summary import comparison, headline, parameters, quality
from emcli.report.truth import draw_truth
from emcli.settings import FitSettings, Plotting, Reporting, words

# A picture of more rows than these is sent as pixels, which then take less room than its lines.
LINES = 2_000
# Rows that are told to be the strangest.
STRANGE = 10

# No script, and nothing from elsewhere: the page says so, and browsers hold it to that.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       max-width: 52rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p { margin: .4rem 0; white-space: pre-wrap; }
img { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: .6rem 0; }
td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top;
         font-variant-numeric: tabular-nums; }
.right { text-align: right; white-space: nowrap; } th { border-bottom: 1px solid #bbb; }
pre { background: #f4f4f4; padding: .7rem; white-space: pre-wrap; line-break: anywhere; }
footer { margin: 3rem 0 1rem; color: #666; font-size: .85rem; }
@media print {
  body { font-size: 11px; margin: 0; max-width: none; } .wide { overflow: visible; }
  h2 { break-after: avoid; } img, tr { break-inside: avoid; } img { max-height: 11cm; }
}
"""

#: What there is to see, in words, for those who do not see it.
_WORDS = {
    "clusters": "The components among the rows",
    "criterion": "The criterion by number of components, a line for each model",
    "convergence": "Log-likelihood and gain still to come, by iteration",
    "bound": "The log-likelihood along the path of EM, and the lower bounds of its E steps",
    "uncertainty": "The probability of each row's likeliest colour, in order",
    "scree": "What each column tells of the colours",
}


def page(scene: Scene, data: Sequence[str], ask: Reporting, given: Mapping[str, Any]) -> str:
    """The page. data: the files, as they were named; given: options that say how to read them."""
    fitted = scene.plain
    components = fitted.mixture.to_dict()
    sheet = HtmlSheet(dict(zip(scene.names, scene.looks, strict=True)))
    first = basename(data[0]) if data[0] != "-" else "standard input"
    title = first if len(data) == 1 else f"{first} and {len(data) - 1} more"
    sheet.heading(title, level=1)
    headline(sheet, fitted, title)
    quality(sheet, fitted)
    for warning in fitted.fit.get("warnings", ()):
        sheet.line(f"warning: {warning}", style="bold yellow")
    drawn = Plotting(iteration=ask.iteration, trace=ask.trace)
    _picture(sheet, "clusters", scene, drawn)
    sheet.heading("Components")
    parameters(sheet, fitted, components, full=True)
    if "truth" in fitted.fit:
        sheet.heading("Beside the truth")
        draw_truth(sheet, fitted.fit["truth"], scene.names)
    if len(fitted.selection) > 1:
        sheet.heading("Choice of the model")
        draw_comparison(sheet, comparison(fitted))
        _picture(sheet, "criterion", scene, drawn)
    sheet.heading("How EM came here")
    _picture(sheet, "convergence", scene, drawn)
    _picture(sheet, "bound", scene, drawn)
    sheet.heading("How sure the colours are")
    _picture(sheet, "uncertainty", scene, drawn)
    sheet.heading("What each column tells")
    _picture(sheet, "scree", scene, drawn)
    sheet.heading("Strangest rows")
    _strange(sheet, scene)
    sheet.heading("Diagnostics")
    sheet.facts(_diagnostics(fitted.fit))
    sheet.heading("To do it again")
    sheet.code(command(fitted.fit, data, given))
    sheet.heading("Parameters")
    sheet.code(json.dumps(components, ensure_ascii=False))
    return _whole(title, sheet.text())


def _whole(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
<footer>emcli {__version__}</footer>
</body>
</html>
"""


def _picture(sheet: HtmlSheet, kind: str, scene: Scene, ask: Plotting) -> None:
    """A picture, or in one sentence why there is none."""
    fmt = "svg" if scene.n <= LINES else "png"
    file = io.BytesIO()
    try:
        plots.write(kind, scene, ask, file, fmt)
    except EmcliError as error:
        sheet.line(f"{_WORDS[kind]}: {error.sentence}", style="dim")
        return
    media = {"svg": "image/svg+xml", "png": "image/png"}[fmt]
    sheet.picture(media, b64encode(file.getvalue()).decode(), _WORDS[kind])


def _strange(sheet: HtmlSheet, scene: Scene) -> None:
    """The rows the model finds least likely."""
    kept, best = scene.rows.rows, scene.best
    order = np.argsort(scene.log_density, kind="stable")[:STRANGE]
    sure = scene.responsibilities.max(axis=0)
    lines = [
        [f"{(i if kept is None else int(kept[i])) + 1:,}", f"{scene.log_density[i]:.3f}",
         scene.names[best[i]], f"{sure[i]:.3f}"]
        for i in order.tolist()
    ]  # fmt: skip
    heads = [Column("row", right=True), Column("log density", right=True), Column("colour"),
             Column("its probability", right=True)]
    sheet.table(heads, lines)
    sheet.line("They may be errors, or belong to a component that is missing.", style="dim")


def _diagnostics(fit: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the fit's quality beside what the summary says."""
    found: dict[str, Any] = {
        name.upper(): numbers.fixed(fit[name], 2)
        for name in ("bic", "icl", "aic", fit.get("criterion", "bic")) if fit.get(name) is not None
    }
    if fit.get("entropy") is not None:
        found["entropy of the colours, nats"] = numbers.fixed(fit["entropy"], 3)
    found["stopped by"] = fit["stopped"].replace("_", " ")
    if fit.get("remaining_gain") is not None:
        found["gain still to come, nats"] = f"{fit['remaining_gain']:.1g}"
    start = fit.get("start", {})
    if "index" in start:
        found["best start"] = f"{start['name']}, number {start['index'] + 1}, seed {start['seed']}"
    diagnostics = fit.get("diagnostics", {})
    found["rows by likeliest colour"] = ", ".join(
        numbers.count(size) for size in diagnostics.get("sizes", ())
    )
    found["at a limit"] = "; ".join(diagnostics.get("at_a_limit", ())) or "nothing"
    marks = fit.get("log_density_quantiles", {})
    for share in ("0.01", "0.5", "0.99"):
        if share in marks:
            found[f"{share} quantile of the log density"] = numbers.fixed(marks[share], 3)
    return found


def command(fit: Mapping[str, Any], data: Sequence[str], given: Mapping[str, Any]) -> str:
    """What to type to have the same fit again; given: options that say how the rows are read."""
    kinds = [type(getattr(FitSettings(), name))
             for name in ("reading", "selecting", "modelling", "searching", "stopping")]
    asked = {**given, **fit.get("options", {})}
    return shlex.join(["emcli", "fit", *data, *words(kinds, asked), "-o", "params.json"])
