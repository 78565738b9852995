"""Tables on a terminal: printed row by row as the figures come."""

from __future__ import annotations

from .contest import Outcome


class Table:
    """Columns as wide as their heads: the first to the left, figures to the right."""

    def __init__(self, title: str, first: str, *heads: str) -> None:
        self.widths = [len(head) for head in heads]
        self.first = len(first)
        print(f"\n{title}\n")
        print("  ".join([first, *heads]), flush=True)

    def row(self, first: str, *cells: str) -> None:
        """One line; cells at the end may be left out."""
        line = [f"{cell:>{width}}" for width, cell in zip(self.widths, cells, strict=False)]
        print("  ".join([f"{first:<{self.first}}", *line]).rstrip(), flush=True)


def number(value: float | None, digits: int = 3) -> str:
    """So many digits, or "-" where there is nothing to say."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def per_row(outcome: Outcome | None, n: int) -> float | None:
    """Nanoseconds a row; a contestant that was given fewer rows said how many."""
    if outcome is None:
        return None
    return 1e9 * outcome.value() / float(outcome.facts.get("rows", n))


def ratio(theirs: float | None, ours: float | None) -> str:
    """How many times as long they take."""
    return "-" if theirs is None or ours is None else f"{theirs / ours:.2f}"
