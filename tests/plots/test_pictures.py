"""What is drawn: the components' colours, nothing cut off or hidden, the same bytes every time."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from emcli import newrows
from emcli.report import plots
from emcli.report.plots import levels, points, shapes
from emcli.settings import Plotting
from emcli.settings.others import PICTURES
from tests.plots.conftest import SCENES, scene


def drawn(kind: str, name: str) -> Figure:
    """The picture, laid out and painted."""
    picture = plots.draw(kind, scene(name), Plotting())
    picture.canvas.draw()
    return picture


def written(kind: str, name: str, fmt: str) -> bytes:
    """The bytes of the file."""
    file = io.BytesIO()
    plots.write(kind, scene(name), Plotting(), file, fmt)
    return file.getvalue()


def painted(picture: Figure, axes: Axes) -> Any:
    """The pixels inside a panel, (n, 3) from 0 to 1."""
    image = np.asarray(picture.canvas.buffer_rgba())[::-1]
    x0, y0, x1, y1 = axes.get_window_extent().extents.round().astype(int)
    return image[y0:y1, x0:x1, :3].reshape(-1, 3) / 255


def boxes(axes: Axes, which: str) -> list[Bbox]:
    """Where the numbers or names along an axis stand."""
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    axis = getattr(axes, f"{which}axis")
    return [
        tick.label1.get_window_extent()
        for tick in axis.get_major_ticks()
        if tick.label1.get_visible() and tick.label1.get_text() and low <= tick.get_loc() <= high
    ]


def test_every_kind_that_can_be_asked_for_is_there() -> None:
    assert tuple(plots.KINDS) == PICTURES
    for kind in PICTURES:
        module = plots.ready(kind)
        assert hasattr(module, "draw") != hasattr(module, "save")


def every_colour_is_there(picture: Figure, shown: plots.Scene) -> None:
    """In every panel."""
    for axes in picture.axes:
        pixels = painted(picture, axes)
        for k, look in enumerate(shown.looks):
            if not shown.behind[k]:
                near = np.abs(pixels - to_rgb(look)).max(axis=1) < 0.12
                assert near.sum() > 10, (axes.get_xlabel(), shown.names[k])


def nothing_is_cut_off_or_hidden(picture: Figure) -> None:
    """Panels lie on the page and apart; numbers along an axis do not touch."""
    page = picture.bbox.padded(1)
    for axes in picture.axes:
        whole = axes.get_tightbbox()
        assert page.contains(*whole.min) and page.contains(*whole.max)
        tilted = any(label.get_rotation() for label in axes.get_xticklabels())
        for which in () if axes.name == "polar" or tilted else ("x", "y"):
            found = sorted(boxes(axes, which), key=lambda box: (box.x0, box.y0))
            assert not any(one.overlaps(two) for one, two in pairwise(found))
    for one, two in pairwise([axes.get_window_extent() for axes in picture.axes]):
        assert not one.overlaps(two)


def rings_inside(picture: Figure) -> int:
    """The number of ellipses, none of which is clipped."""
    rings = 0
    for axes in picture.axes:
        x, y = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        for line in axes.lines:
            if len(line.get_xdata()) == shapes.OUTLINE:
                rings += 1
                assert x[0] < min(line.get_xdata()) and max(line.get_xdata()) < x[1]
                assert y[0] < min(line.get_ydata()) and max(line.get_ydata()) < y[1]
    return rings


@pytest.mark.parametrize("name", SCENES)
def test_clusters(name: str) -> None:
    shown, picture = scene(name), drawn("clusters", name)
    assert picture.axes
    every_colour_is_there(picture, shown)
    nothing_is_cut_off_or_hidden(picture)
    pairs = {"two columns": 1, "four columns": 6, "labels": 1, "noise": 1, "mixed": 6}
    assert rings_inside(picture) == 2 * sum(~shown.behind) * pairs.get(name, 0)


@pytest.mark.parametrize("kind", ["uncertainty", "scree"])
@pytest.mark.parametrize("name", ["one column", "mixed", "noise"])
def test_other_pictures(kind: str, name: str) -> None:
    picture = drawn(kind, name)
    nothing_is_cut_off_or_hidden(picture)


@pytest.mark.parametrize("fmt", ["svg", "pdf", "png"])
def test_the_same_picture_is_the_same_bytes(fmt: str) -> None:
    first = written("clusters", "weighted counts", fmt)
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "svg.hashsalt": "other"}):
        before = dict(matplotlib.rcParams)
        assert written("clusters", "weighted counts", fmt) == first
        assert dict(matplotlib.rcParams) == before
    marks = {"svg": b"<svg", "pdf": b"%PDF", "png": b"\x89PNG"}
    assert marks[fmt] in first[:1000]
    assert b"CreationDate" not in first and b"<dc:date>" not in first


@pytest.mark.parametrize("name", SCENES)
def test_rows_in_doubt_are_paler(name: str) -> None:
    found = points.style.opacity(scene(name).responsibilities)
    largest = scene(name).responsibilities.max(axis=0)
    order = np.argsort(largest)
    assert (np.diff(found[order]) >= -1e-12).all()
    assert (found > 0.1).all() and (found < 0.9).all()


def test_very_many_points_are_binned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "MANY", 100)
    picture = drawn("clusters", "two columns")
    (axes,) = picture.axes
    assert len(axes.images) == 1
    image = axes.images[0].get_array()
    assert image is not None and (image[..., 3] > 0).sum() > 50


def test_the_criterion_marks_the_choice() -> None:
    import emcli

    fitted = emcli.fit(scene("one column").column("velocity"), k="1-4", starts=2)
    picture = plots.draw("criterion", plots.Scene(fitted), Plotting())
    (axes,) = picture.axes
    chosen = next(row for row in fitted.selection if row["k"] == fitted.mixture.k)
    ring = axes.lines[-1]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (fitted.mixture.k, chosen["bic"])
    assert len(axes.lines[0].get_xdata()) == 4
    assert "chosen: k = 3" in axes.texts[0].get_text()


def test_every_row_s_certainty_is_drawn() -> None:
    picture = drawn("uncertainty", "weighted counts")
    (axes,) = picture.axes
    line = axes.lines[0]
    assert line.get_xdata()[-1] == 1096  # rows count by their weights
    assert (np.diff(line.get_ydata()) >= 0).all()


def test_any_name_fits(recwarn: pytest.WarningsRecorder) -> None:
    import emcli

    names = ["$x^2$ & <b>" + "long " * 40, "温度\nin\x1b[31m"]
    frame = dict(zip(names, (scene("two columns").column(c) for c in ("eruptions", "waiting")),
                     strict=True))  # fmt: skip
    fitted = emcli.fit(pa.table(frame), k=2, starts=1)
    data = newrows.encode(fitted, newrows.as_table(pa.table(frame)))
    file = io.BytesIO()
    plots.write("clusters", plots.Scene(fitted, data), Plotting(), file, "png")
    picture = plots.draw("clusters", plots.Scene(fitted, data), Plotting())
    (axes,) = picture.axes
    assert axes.get_xlabel().startswith("$x^2$ & <b>long") and axes.get_xlabel().endswith("…")
    assert axes.get_ylabel() == r"\u6e29\u5ea6\nin\x1b[31m"
    # Others' files, closed while this test runs, warn too.
    assert not [w for w in recwarn.list if issubclass(w.category, UserWarning)]


def test_many_levels_and_columns_fit_a_page() -> None:
    rng = np.random.default_rng(3)
    found = [
        levels.Profile(f"c{j}", [str(i) for i in range(size)], rng.random((2, size)), np.ones(size))
        for j, size in enumerate((5, 200, 2, 30))
    ]  # fmt: skip
    kept = levels.chosen(found, 96)
    assert sum(len(one.levels) for one in kept) <= 96
    assert [one.title for one in kept] == sorted(one.title for one in kept)
    assert levels.chosen(found[::2], 96) == found[::2]
    best = max(found[1].told)
    short = levels.chosen(found[1:2], 96)[0]
    assert len(short.levels) == 96 and short.told.max() == best
    assert short.levels == sorted(short.levels, key=int)
