"""The components in the terminal: a histogram of one column, or a plane of dots of two.

In colour a cell shows the colour of most of its rows; without colour it shows the first letter of
the colour's name. Of more columns the plane is that of the two directions that tell the components
apart best; of categories the levels' probabilities are shown.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import IO, TextIO

import numpy as np

from emcli.frozen import frozen
from emcli.numerics import Array
from emcli.report.plots import bins, discriminants
from emcli.report.plots.levels import profiles
from emcli.report.plots.scene import Scene
from emcli.report.sheet import Piece, Sheet, printable, width_of
from emcli.report.terminal import to_text, wants_colour
from emcli.settings import Plotting

HEIGHT = 18  # lines of the picture without its frame
WIDEST = 96
MARGIN = 2
BAR = 20  # the longest bar of a probability
BLOCKS = " ▁▂▃▄▅▆▇█"


@frozen
class Canvas:
    """Cells of a picture: its lines from the top, each of pieces; what its sides say."""

    lines: list[list[Piece]]
    below: tuple[str, str, str]
    title: str


def save(scene: Scene, ask: Plotting, file: IO[bytes], fmt: str) -> None:
    """Write the picture as text, in colour only where FORCE_COLOR asks for it."""
    file.write(text(scene, None).encode())


def text(scene: Scene, stream: TextIO | None) -> str:
    """The picture, in the colours, width and characters that the stream can show."""
    columns = shown(scene)
    marks = Marks(scene, wants_colour(stream) and can_show(stream))

    def draw(sheet: Sheet) -> None:
        width = min(sheet.width - 2 * MARGIN, WIDEST)
        if not columns:
            _profiles(sheet, scene, marks)
        elif len(columns) == 1:
            _framed(sheet, _histogram(scene, columns[0], width, marks))
        else:
            _framed(sheet, _plane(scene, columns, width, marks))
        sheet.whole((" " * MARGIN, ""), *marks.key())

    return to_text(draw, stream)


def can_show(stream: TextIO | None) -> bool:
    """Has the stream's encoding the characters?"""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        BLOCKS.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def shown(scene: Scene) -> list[str]:
    """The columns of numbers, what a regression describes after what it describes it by."""
    conditional = [name for f in scene.blocks if f.conditional for name in f.columns]
    found = [column.name for column in scene.columns if column.levels is None]
    return sorted(found, key=lambda name: name in conditional)


class Marks:
    """How the components are told apart: by colour, or by letters."""

    def __init__(self, scene: Scene, coloured: bool) -> None:
        self.scene, self.coloured = scene, coloured
        self.letters = letters(scene.names)

    def cell(self, component: int, block: str) -> Piece:
        """A cell of that component: `block` in its colour, or its letter."""
        if self.coloured:
            return block, f"of:{self.scene.names[component]}"
        return self.letters[component], ""

    def key(self) -> list[Piece]:
        """The line that says which is which."""
        found: list[Piece] = []
        weights = self.scene.fitted.mixture.weights
        for k, name in enumerate(self.scene.names):
            found += [self.cell(k, "●"), (f" {name} {weights[k]:.2f}   ", "")]
        return found


def letters(names: tuple[str, ...]) -> list[str]:
    """A letter for each name: its first one that no earlier name has, else a figure."""
    found: list[str] = []
    for number, name in enumerate(names):
        free = [letter for letter in name if letter.isalnum() and letter not in found]
        found.append(free[0] if free else str(number % 10))
    return found


def _framed(sheet: Sheet, canvas: Canvas) -> None:
    """The picture between its title and its axis."""
    indent = " " * MARGIN
    sheet.whole((indent + canvas.title, "bold"))
    for line in canvas.lines:
        sheet.whole((indent, ""), *_together(line))
    width = max(len("".join(text for text, _ in line)) for line in canvas.lines)
    low, name, high = map(printable, canvas.below)
    sheet.whole((indent + "─" * width, "dim"))
    middle = max(width - len(low) - len(high), len(name) + 2)
    sheet.whole((indent + low + name.center(middle) + high, "dim"))


def _together(line: list[Piece]) -> list[Piece]:
    """The same line, neighbours of one style joined."""
    return [("".join(text for text, _ in some), style)
            for style, some in groupby(line, key=itemgetter(1))]


def _histogram(scene: Scene, name: str, width: int, marks: Marks) -> Canvas:
    """Bars of the rows, in which the colours stand one upon the other."""
    values = scene.column(name)
    seen = ~np.isnan(values)
    masses = scene.masses[:, seen]
    count = scene.known(name).kind == "count"
    ends = bins.whole_edges(values[seen]) if count else bins.edges(values[seen], masses)
    heights = bins.by_colour(values[seen], masses, ends)
    wide = max(min(width // (len(ends) - 1), 6), 1)
    lines = [[_widened(cell, wide) for cell in row] for row in stacked(heights, marks)]
    most = f"{heights.sum(axis=0).max():,.6g}"
    low, high = (ends[0] + 0.5, ends[-1] - 0.5) if count else (ends[0], ends[-1])
    return Canvas(lines, (f"{low:.4g}", name, f"{high:.4g}"), f"rows, up to {most} in a bar")


def _widened(cell: Piece, wide: int) -> Piece:
    return cell[0] * wide, cell[1]


def stacked(heights: Array, marks: Marks) -> list[list[Piece]]:
    """The lines of bars of these heights (K, b): eighths of a line in colour, else letters."""
    upto = np.cumsum(heights, axis=0)
    unit = upto[-1].max() / HEIGHT
    lines: list[list[Piece]] = []
    for line in range(HEIGHT - 1, -1, -1):
        row: list[Piece] = []
        for bar in upto.T:
            filled = float(np.clip(bar[-1] / unit - line, 0, 1))
            component = int(np.searchsorted(bar, min((line + filled / 2) * unit, bar[-1])))
            eighths = int(np.ceil(filled * 8 - 1e-9))
            shows = eighths > 0 if marks.coloured else filled >= 0.5 or (line == 0 and filled > 0)
            row.append(marks.cell(component, BLOCKS[eighths]) if shows else (" ", ""))
        lines.append(row)
    return lines


def _plane(scene: Scene, columns: list[str], width: int, marks: Marks) -> Canvas:
    """Dots where there are rows, larger where there are many."""
    x, y, across, up = _directions(scene, columns)
    both = ~(np.isnan(x) | np.isnan(y))
    ends = [_ends(x[~np.isnan(x)], width), _ends(y[~np.isnan(y)], HEIGHT)]
    masses = scene.masses[:, both]
    counts = bins.on_grid(x[both], y[both], masses, *ends)
    lines = [
        [
            marks.cell(int(cell.argmax()), "•" if cell.sum() < 3 else "●")
            if cell.sum() > 0 else (" ", "")
            for cell in row.T
        ]
        for row in counts.transpose(1, 0, 2)[::-1]
    ]  # fmt: skip
    low, high = ends[1][0], ends[1][-1]
    title = f"{up}, from {low:.4g} to {high:.4g}"
    return Canvas(lines, (f"{ends[0][0]:.4g}", across, f"{ends[0][-1]:.4g}"), title)


def _directions(scene: Scene, columns: list[str]) -> tuple[Array, Array, str, str]:
    """x, y and what they are: two columns, or of more of them two directions."""
    values = np.array([scene.column(name) for name in columns])
    if len(columns) == 2:
        return values[0], values[1], columns[0], columns[1]
    r, weights = scene.responsibilities, scene.weights
    values = discriminants.filled(values, r, weights)
    plane = discriminants.plane(values, r, weights)
    x, y = plane.axes @ values
    what = f"direction {{}} of {len(columns)} columns"
    return x, y, what.format(1), what.format(2)


def _profiles(sheet: Sheet, scene: Scene, marks: Marks) -> None:
    """A line for each level, and in it a bar for each component's probability."""
    indent = " " * MARGIN
    for family in scene.blocks:
        for one in profiles(scene, family):
            sheet.whole((indent + ": ".join(filter(None, (one.what, one.title))), "bold"))
            longest = max(map(width_of, one.levels))
            for level, shares in zip(one.levels, one.probabilities.T, strict=True):
                room = min((sheet.width - longest) // scene.k - 7, BAR)
                bars = [piece for k, p in enumerate(shares) for piece in _bar(k, p, room, marks)]
                sheet.whole((indent + level + " " * (longest - width_of(level) + 2), ""), *bars)


def _bar(component: int, share: float, room: int, marks: Marks) -> list[Piece]:
    """A probability as a bar and in figures."""
    filled = round(share * room)
    mark, style = marks.cell(component, "█")
    return [(mark * filled + " " * (room - filled), style), (f" {share:.2f}  ", "")]


def _ends(values: Array, cells: int) -> Array:
    """The ends of even cells that hold all values."""
    low, high = float(values.min()), float(values.max())
    room = (high - low) / (2 * cells) or 0.5
    return np.linspace(low - room, high + room, cells + 1)
