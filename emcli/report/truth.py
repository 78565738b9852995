"""The colours of a fit beside a column that was not looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcli.report import numbers
from emcli.report.sheet import Column, Sheet


def draw_truth(sheet: Sheet, truth: Mapping[str, Any], colours: Sequence[str]) -> None:
    """The crosstab, and how well it agrees."""
    heads = [Column(f"● {colour}", right=True, style=f"of:{colour}") for colour in colours]
    lines = [
        [level, *numbers.counts(row)]
        for level, row in zip(truth["levels"], truth["crosstab"], strict=True)
    ]
    sheet.table([Column(truth["column"]), *heads], lines)
    unmatched = len(colours) - len(truth["levels"])
    parts = [f"accuracy {truth['accuracy']:.3f}"]
    if "accuracy_of_masked" in truth:
        parts.append(f"of the masked rows {truth['accuracy_of_masked']:.3f}")
    parts.append(f"adjusted Rand index {truth['adjusted_rand_index']:.3f}")
    sheet.line("   ".join(parts))
    if unmatched > 0:
        said = f"(each {truth['column']} has one colour; rows of the others count as wrong)"
        sheet.line(said, "dim")
