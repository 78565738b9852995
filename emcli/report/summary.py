"""The readable summary of a fit: what `emcli fit` and `emcli show` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol, TextIO

from emcli.frozen import frozen
from emcli.report import numbers
from emcli.report.components import component_rows, draw_components
from emcli.report.criterion import Comparison, draw_comparison
from emcli.report.sheet import Sheet
from emcli.report.terminal import to_text
from emcli.report.truth import draw_truth

_LINES_OF_A_FIT = 40


class Fitted(Protocol):
    """What is summarised; `emcli.api.Fitted` is one."""

    @property
    def mixture(self) -> Any: ...
    @property
    def columns(self) -> Sequence[Any]: ...
    @property
    def fit(self) -> Mapping[str, Any]: ...
    @property
    def selection(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def criterion(self) -> str: ...


@frozen
class Page:
    """What is said around the tables.

    title: what was fitted; notes: what was decided about columns; next_steps: (what for, what to
    type); full: every parameter, however many lines that takes.
    """

    title: str
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    next_steps: Sequence[tuple[str, str]] = field(default=())
    full: bool = False


def summary(fitted: Fitted, components: Sequence[Any], page: Page, stream: TextIO | None) -> str:
    """The whole summary as text, in the colours and width that the stream can show.

    components: the list of that name of the parameters file.
    """

    def draw(sheet: Sheet) -> None:
        headline(sheet, fitted, page.title)
        parameters(sheet, fitted, components, page.full)
        quality(sheet, fitted)
        if "truth" in fitted.fit:
            sheet.line()
            draw_truth(sheet, fitted.fit["truth"], [c["colour"] for c in components])
        if len(fitted.selection) > 1:
            sheet.line()
            draw_comparison(sheet, comparison(fitted))
        _remarks(sheet, page)

    return to_text(draw, stream)


def headline(sheet: Sheet, fitted: Fitted, title: str) -> None:
    """What was fitted to what."""
    fit, k = fitted.fit, fitted.mixture.k
    names = [column.name for column in fitted.columns]
    listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    size = f"{numbers.count(fit['rows'])} rows"
    if fit.get("rows_empty"):
        size += f" and {numbers.count(fit['rows_empty'])} empty"
    if fit["weight_total"] != fit["rows"]:
        size += f" weighing {numbers.count(fit['weight_total'])}"
    if fit.get("missing_cells"):
        size += f", {numbers.count(fit['missing_cells'])} missing cells"
    sheet.line(f"{title}: {size}; {_plural(len(names), 'column')}: {listed}")
    chosen = ""
    if len(fitted.selection) > 1:
        chosen = f", chosen by {fitted.criterion.upper()} among {len(fitted.selection)} fits"
    sheet.line(f"{fitted.mixture.name}, {_plural(k, 'component')}{chosen}", style="bold")
    sheet.line()


def parameters(
    sheet: Sheet, fitted: Fitted, components: Sequence[Mapping[str, Any]], full: bool
) -> None:
    """The components side by side; full: every parameter, however many lines that takes."""
    levels = {c.name: c.levels for c in fitted.columns if c.kind == "binary" and c.levels}
    rows = component_rows(components, fitted.fit["weight_total"], levels, full)
    colours = [component["colour"] for component in components]
    draw_components(sheet, colours, rows, None if full else _LINES_OF_A_FIT)
    sheet.line()


def quality(sheet: Sheet, fitted: Fitted) -> None:
    """How good the fit is, and whether to trust it."""
    fit, name = fitted.fit, fitted.criterion
    parts = [f"log-likelihood {fit['log_likelihood']:.3f}"]
    for shown in dict.fromkeys((name, "bic")):
        if fit.get(shown) is not None:
            weighed = fit["weight_total"] != fit["rows"] and shown != "aic"
            n = f" (n = {numbers.count(fit['weight_total'])})" if weighed else ""
            parts.append(f"{shown.upper()} {fit[shown]:.2f}{n}")
    parts.append(_plural(fit["free_parameters"], "free parameter"))
    sheet.line("   ".join(parts))
    steps = _plural(fit["iterations"], "iteration")
    outcome = "converged after" if fit["converged"] else "NOT CONVERGED: stopped after"
    line = f"{outcome} {steps}"
    if fit.get("starts", 0) > 1:
        tried, finished = fit["starts"], fit.get("starts_finished", fit["starts"])
        beside = "" if finished == tried else f" ({tried} were tried)"
        line += f"; {fit['starts_at_best']} of {finished} starts ended here{beside}"
    sheet.line(line, style="" if fit["converged"] else "bold yellow")


def comparison(fitted: Fitted) -> Comparison:
    """The table it was chosen from."""
    return Comparison(fitted.selection, fitted.criterion, fitted.mixture.name, fitted.mixture.k)


def _remarks(sheet: Sheet, page: Page) -> None:
    """Notes, warnings and what to type next; commands are never broken over lines."""
    if page.notes or page.warnings:
        sheet.line()
    for note in page.notes:
        sheet.whole((f"note: {note}", "dim"))
    for warning in page.warnings:
        sheet.whole((f"warning: {warning}", "yellow"))
    if page.next_steps:
        sheet.line()
        width = max(len(what) for what, _ in page.next_steps)
        for what, command in page.next_steps:
            sheet.whole((f"{what:<{width}}  {command}", ""))


def _plural(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
