"""The catalogue of families as people read it, taken from the families' own words."""

from __future__ import annotations

from typing import TextIO

from emcli.families import catalogue
from emcli.report.sheet import Column, Sheet
from emcli.report.terminal import to_text

_GRAMMAR = (
    "FAMILY[:VARIANT][(COLUMN, ..., name=value)]; blocks joined by '+' are independent; '|' parts "
    "kinds of component; several models separated by ',' are compared. 'auto' chooses a family for "
    "each column."
)
_KINDS = {
    "real": "numbers", "count": "counts", "binary": "two levels", "category": "levels",
}  # fmt: skip


def overview(stream: TextIO | None) -> str:
    """A line for each family, and the grammar that combines them."""

    def draw(sheet: Sheet) -> None:
        names = (*catalogue.names(), *catalogue.others())
        families = [catalogue.family(name) for name in names]
        heads = [Column("family"), Column("columns"), Column("what it describes")]
        rows = [[family.name, _KINDS[family.kind], family.summary] for family in families]
        sheet.table(heads, rows, head="dim")
        sheet.line()
        sheet.line(f"-m takes {_GRAMMAR}")
        sheet.line()
        sheet.line("All about one: emcli models gaussian")

    return to_text(draw, stream)


def describe(name: str, stream: TextIO | None) -> str:
    """Density, parameters, support, M step, source and an example of one family.

    Raises `UsageError` with the nearest name when there is no such family.
    """
    family = catalogue.family(name.partition(":")[0])
    entries = [
        ("density", family.density), ("parameters", family.parameters),
        ("support", family.support), ("columns", _KINDS[family.kind]),
        ("variants", ", ".join(family.variants)),
        ("arguments", ", ".join(family.takes).replace("formula", "a formula (y ~ x1 + x2)")),
        ("can be held", ", ".join(family.holds)),
        ("M step", family.m_step), ("source", family.source),
    ]  # fmt: skip

    def draw(sheet: Sheet) -> None:
        sheet.whole((family.name, "bold"), (f": {family.summary}", ""))
        sheet.line()
        rows = [(label, words) for label, words in entries if words]
        sheet.table([Column(style="dim"), Column()], rows)
        sheet.line()
        sheet.whole((family.example, ""))

    return to_text(draw, stream)
