"""One look for all pictures: sizes for a page, thin axes, colours with markers and labels.

Colour is never the only sign: every component also has a marker, a line style and its name beside
what is drawn of it, for colour-blind readers and for print in black and white. Nothing here
changes matplotlib's settings for anybody else, and nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import AbstractContextManager
from functools import cache
from textwrap import wrap
from typing import IO, Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D

from emcli.numerics import Array
from emcli.report.plots.scene import Scene
from emcli.report.sheet import printable, shortened

#: Width of a page between its margins, in inches, and the height that goes with it.
WIDTH, HEIGHT = 6.3, 4.2
#: Dark enough for text and lines that belong to no component.
INK, SOFT, PALE = "#222222", "#666666", "#b8b8b8"
#: Of markers, dashes and colours no two are equally many: the thirteenth component is no first.
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p", "*")
DASHES: tuple[Any, ...] = (
    "-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1.2, 2)), (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5)),
)  # fmt: skip

_LOOK: dict[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 1.8,
    "text.parse_math": False,
    "svg.hashsalt": "emcli",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}

#: Without the time, and the version of what drew it.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "emcli"},
    "pdf": {"CreationDate": None, "Creator": "emcli", "Producer": None},
    "png": {"Software": "emcli"},
}


def look() -> AbstractContextManager[None]:
    """Matplotlib's settings for as long as a picture is drawn and written."""
    return matplotlib.style.context(["default", _LOOK])


def figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """An empty page, in inches."""
    made = Figure(figsize=(width, height))
    FigureCanvasAgg(made)
    return made


def save(picture: Figure, file: IO[bytes], fmt: str) -> None:
    """Write a picture; the same picture is the same bytes, whenever it is written."""
    picture.savefig(file, format=fmt, metadata=_METADATA[fmt])


def panels(
    picture: Figure, spec: SubplotSpec, names: Sequence[str], across: int, **how: Any
) -> Iterator[tuple[str, Axes, str, bool]]:
    """A panel for each column, so many side by side: its name, axes, title, and is it leftmost?"""
    across = min(len(names), across)
    grid = spec.subgridspec(-(-len(names) // across), across)
    for number, name in enumerate(names):
        axes = picture.add_subplot(grid[divmod(number, across)], **how)
        yield name, axes, word(name, 72 // across), number % across == 0


def word(name: str, most: int = 48) -> str:
    """A name out of a table, made to fit; letters that the font lacks are escaped, not boxes."""
    known = _letters()
    drawn = (one if ord(one) in known else ascii(one)[1:-1] for one in printable(name))
    return shortened("".join(drawn), most)


@cache
def _letters() -> Set[int]:
    """The letters of the font, which comes with matplotlib."""
    return get_font(findfont(_LOOK["font.family"])).get_charmap().keys()


def marker(component: int) -> str:
    """The component's marker."""
    return MARKERS[component % len(MARKERS)]


def dashes(component: int) -> Any:
    """The component's line style."""
    return DASHES[component % len(DASHES)]


def opacity(responsibilities: Array) -> Array:
    """(n,) of rows with these probabilities (K, n): pale where the colour is in doubt."""
    k = len(responsibilities)
    doubt = (1 - responsibilities.max(axis=0)) / (1 - 1 / k) if k > 1 else 0.0
    found: Array = 0.85 - 0.7 * np.broadcast_to(doubt, responsibilities.shape[1])
    return found


def shades(look: str, opacities: Array) -> Array:
    """(n, 4): a colour `#rrggbb` in these opacities (n,)."""
    rgb = np.broadcast_to(to_rgb(look), (len(opacities), 3))
    return np.column_stack([rgb, opacities])


def key(scene: Scene, lines: bool) -> list[Line2D]:
    """Handles of a legend of the components: marker, or marker and line, and name and weight."""
    weights = scene.fitted.mixture.weights
    return [
        Line2D(
            [], [], color=look, marker=marker(k), linestyle=dashes(k) if lines else "none",
            markersize=5, label=f"{word(scene.names[k], 20)} {weights[k]:.2f}",
        )
        for k, look in enumerate(scene.looks)
    ]


def legend(picture: Figure, handles: Sequence[Line2D]) -> None:
    """The legend of the whole picture, above it."""
    picture.legend(
        handles=list(handles), loc="outside upper center", ncols=min(len(handles), 6),
        columnspacing=1.4, handletextpad=0.5,
    )


def caption(picture: Figure, *sentences: str) -> None:
    """What a reader must know, below the picture."""
    said = [*dict.fromkeys(sentence for sentence in sentences if sentence)]
    width = int(picture.get_figwidth() * 17)
    text = "\n".join(wrap(" ".join(said), width))
    picture.supxlabel(text, fontsize=7, color=SOFT, x=0.01, ha="left")
