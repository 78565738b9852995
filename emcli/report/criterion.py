"""The table of the criterion over models and k: what was compared, what won, what did not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from emcli.report import numbers
from emcli.report.sheet import Column, Sheet

Cell = Mapping[str, Any]
_TOP = 10
_SAME = 1e-5
_SHORT = {
    "too few rows": "few", "degenerate": "degen", "failed": "failed", "not run": "not run",
}  # fmt: skip
_MEANING = {
    "too few rows": "few: not run, fewer than k(d+2) rows or distinct rows",
    "degenerate": "degen: every start ended in an empty, singular or spurious component",
    "failed": "failed: no start could be finished",
    "not run": "not run: the time was up",
}
_CONVENTION = {
    "cv": "CV is -2 × the log-likelihood of rows left out of the fit: smaller is better",
    "bic": "BIC is -2 log L + parameters × log n: smaller is better; mclust prints -BIC",
    "icl": "ICL is BIC + 2 × entropy of the colours: smaller is better; mclust prints -ICL",
}


class Comparison:
    """The cells of the table, and which of them won or ties with the winner."""

    def __init__(self, selection: Sequence[Cell], criterion: str, model: str, k: int) -> None:
        self.selection = selection
        self.criterion = criterion
        self.chosen = (model, k)
        self.models = list(dict.fromkeys(cell["model"] for cell in selection))
        self.ks = sorted({cell["k"] for cell in selection})
        self.by_place = {(cell["model"], cell["k"]): cell for cell in selection}
        winner = self.by_place.get(self.chosen)
        self.best = self.value(winner) if winner else None

    def value(self, cell: Cell) -> float | None:
        found: float | None = cell.get(self.criterion)
        return found

    def mark(self, cell: Cell) -> str:
        """`*` the winner, `=` as good as the winner, `~` not converged."""
        value = self.value(cell)
        if (cell["model"], cell["k"]) == self.chosen:
            return "*"
        if value is None or self.best is None:
            return ""
        if abs(value - self.best) <= _SAME:
            return "="
        return "~" if cell["status"] == "not converged" else ""

    def text(self, place: tuple[str, int], decimals: int = 1) -> str:
        """A cell of the grid: its value and mark, or why it has none."""
        cell = self.by_place.get(place)
        if cell is None:
            return ""
        value = self.value(cell)
        if value is None:
            return _SHORT.get(cell["status"], str(cell["status"]))
        return self.mark(cell) + numbers.fixed(value, decimals)

    @property
    def names(self) -> list[str]:
        """The models' names, without the family where all have the same."""
        families = {model.split(":")[0] for model in self.models}
        if len(families) == 1 and all(":" in model for model in self.models):
            return [model.split(":", 1)[1] for model in self.models]
        return self.models

    @property
    def footer(self) -> list[str]:
        """The sign convention, and the meaning of what marks and words occur."""
        name = self.criterion
        lines = [_CONVENTION.get(name, f"{name.upper()} is -2 log L + penalty: smaller is better")]
        marks = {self.mark(cell) for cell in self.selection}
        meanings = {"*": "* chosen", "=": "= ties with it", "~": "~ not converged"}
        lines.append(", ".join(text for mark, text in meanings.items() if mark in marks))
        absent = {cell["status"] for cell in self.selection if self.value(cell) is None}
        lines += [meaning for status, meaning in _MEANING.items() if status in absent]
        return [line for line in lines if line]


def draw_comparison(sheet: Sheet, comparison: Comparison) -> None:
    """Print it in the first shape that fits: a list by k, a grid, its transpose, the best ten."""
    if len(comparison.models) == 1:
        _list(sheet, comparison, comparison.selection)
    elif not _grid(sheet, comparison):
        _best(sheet, comparison)
    for line in comparison.footer:
        sheet.line(line, "dim")


def _grid(sheet: Sheet, comparison: Comparison) -> bool:
    """k down and models across, or the other way round; False when neither fits."""
    models, names, ks = comparison.models, comparison.names, comparison.ks
    down = [[str(k), *(comparison.text((m, k)) for m in models)] for k in ks]
    across = [
        [n, *(comparison.text((m, k)) for k in ks)] for m, n in zip(models, names, strict=True)
    ]
    for corner, head, lines in (("k", names, down), ("k =", [str(k) for k in ks], across)):
        widths = [max(map(len, column)) + 2 for column in zip([corner, *head], *lines, strict=True)]
        if sum(widths) <= sheet.width:
            _table(sheet, [corner, *head], lines, _chosen_line(comparison, corner == "k"))
            return True
    return False


def _chosen_line(comparison: Comparison, k_down: bool) -> int:
    model, k = comparison.chosen
    places: Sequence[Any] = comparison.ks if k_down else comparison.models
    wanted: Any = k if k_down else model
    return places.index(wanted) if wanted in places else -1


def _list(sheet: Sheet, comparison: Comparison, cells: Sequence[Cell]) -> None:
    """A line for each cell, with all its numbers."""
    single = len(comparison.models) == 1
    short = dict(zip(comparison.models, comparison.names, strict=True))
    head = ["k", "log-likelihood", "parameters", comparison.criterion.upper()]
    lines, chosen = [], -1
    for i, cell in enumerate(cells):
        parameters = cell.get("free_parameters")
        line = [
            str(cell["k"]),
            numbers.fixed(cell.get("log_likelihood"), 3),
            "" if parameters is None else str(parameters),
            comparison.text((cell["model"], cell["k"]), 2),
        ]
        lines.append(line if single else [short[cell["model"]], *line])
        chosen = i if comparison.mark(cell) == "*" else chosen
    _table(sheet, head if single else ["model", *head], lines, chosen)


def _best(sheet: Sheet, comparison: Comparison) -> None:
    """The best cells, and how many of the others there are and why some have no value."""
    done = [cell for cell in comparison.selection if comparison.value(cell) is not None]
    done.sort(key=lambda cell: comparison.value(cell) or 0.0)
    _list(sheet, comparison, done[:_TOP])
    absent = Counter(cell["status"] for cell in comparison.selection if cell not in done)
    others = [f"{n} {status}" for status, n in absent.items()]
    if len(done) > _TOP:
        others.insert(0, f"{len(done) - _TOP} with larger values")
    if others:
        sheet.line(f"… and {', '.join(others)}", "dim")


def _table(
    sheet: Sheet, head: Sequence[str], lines: Sequence[Sequence[str]], chosen: int
) -> None:
    words = head[0] in ("model", "k =")
    columns = [Column(name, right=i > 0 or not words) for i, name in enumerate(head)]
    sheet.table(columns, lines, gap=2, head="dim", styles={chosen: "bold"})
