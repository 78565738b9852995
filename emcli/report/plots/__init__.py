"""Pictures of a fit: `emcli plot`, and what `emcli report` puts on its page.

Every kind of picture is one module of this folder, named like it, imported when it is asked for.
It has one of two functions:

    draw(scene, ask) -> Figure              a picture on a page, written by `style.save`
    save(scene, ask, file, format)          it writes itself (a moving picture, text)

`scene` (scene.py) is the fit and the rows, in numbers that are worked out once, when they are
first wanted. `ask` is `settings.Plotting`: the iteration of `bound`, the trace of `convergence`.
A module that draws imports matplotlib's objects (never pyplot) and takes its sizes, colours,
markers and axes from style.py, so that all pictures look alike; it is called inside
`style.look()`, which gives the same bytes whatever the user's matplotlibrc says. What cannot be
drawn is a `UsageError` or `InputError` with what to type.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from emcli.errors import UsageError
from emcli.frozen import frozen
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "Kind", "Scene", "draw", "format_of", "ready", "write"]

PAGES = ("svg", "png", "pdf")


@frozen
class Kind:
    """What a kind of picture can be written as, the first where no name tells, and what it needs.

    rows: the table; trace: the file that `emcli fit --trace` wrote, or else the table.
    """

    formats: tuple[str, ...] = PAGES
    rows: bool = True
    trace: bool = False


KINDS = {
    "clusters": Kind(),
    "bound": Kind(),
    "convergence": Kind(rows=False, trace=True),
    "criterion": Kind(rows=False),
    "uncertainty": Kind(),
    "scree": Kind(),
    "animation": Kind(("gif", "html")),
    "terminal": Kind(("txt",)),
}


def format_of(kind: str, path: str) -> str:
    """The format a picture of this kind has at `path`, by its ending; `UsageError` for others."""
    formats = KINDS[kind].formats
    name = path.rpartition("/")[2]
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if path == "-" or path.startswith(("/dev/", "/proc/")):
        return formats[0]
    if ending in formats:
        return ending
    *others, last = (f".{word}" for word in formats)
    listed = f"{', '.join(others)} or {last}" if others else last
    raise UsageError(f"'{path}' is no picture that --kind {kind} can be", f"end it in {listed}")


def draw(kind: str, scene: Scene, ask: Plotting) -> Figure:
    """A picture that fits a page."""
    module = ready(kind)
    from emcli.report.plots import style

    with style.look():
        figure: Figure = module.draw(scene, ask)
    return figure


def write(kind: str, scene: Scene, ask: Plotting, file: IO[bytes], fmt: str) -> None:
    """Write a picture of any kind to an open file, in one of the kind's formats."""
    module: Any = ready(kind)
    if hasattr(module, "save"):
        module.save(scene, ask, file, fmt)
        return
    from emcli.report.plots import style

    with style.look():
        style.save(draw(kind, scene, ask), file, fmt)


def ready(kind: str) -> ModuleType:
    """The module of that kind; `UsageError` where matplotlib is not there for it."""
    try:
        return import_module(f"emcli.report.plots.{kind}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise UsageError(
            "pictures need matplotlib, which is not installed", "type pip install matplotlib"
        ) from None
