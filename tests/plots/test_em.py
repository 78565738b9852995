"""EM at work: the start of a fit found again, its bound, its convergence, its moving picture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emcli import api, settings, tables
from emcli.errors import InputError, UsageError
from emcli.events import Event, Stepped
from emcli.newrows import encode
from emcli.replay import Replay
from emcli.report import plots
from emcli.report.plots import animation, convergence
from emcli.report.plots.scene import Scene
from emcli.report.trace import Trace, read
from emcli.settings import Plotting
from tests.plots.conftest import SAMPLES, SCENES, scene

#: Plain EM takes thousands of steps there.
SLOW = ("logistic", "trials")


def fits(table: str, **options: Any) -> Scene:
    """A fit that is drawn once."""
    rows = tables.read([str(SAMPLES / f"{table}.csv")], settings.Reading())
    asked = settings.build(settings.FitSettings, {"starts": 3, **options})
    outcome = api.fit_table(rows, asked)
    return Scene(outcome.fitted, outcome.data)


def replayed(name: str) -> Replay:
    return scene(name).replay


@pytest.mark.parametrize("name", [name for name in SCENES if name not in SLOW])
def test_plain_em_runs_from_the_start_of_the_fit_to_its_end(name: str) -> None:
    replay, fitted = replayed(name), scene(name).fitted
    assert replay.steps[-1].log_likelihood == pytest.approx(fitted.fit["log_likelihood"], abs=1e-5)
    assert not replay.elsewhere
    weights = replay.steps[-1].mixture.weights
    np.testing.assert_allclose(weights, fitted.mixture.weights, atol=0.01)


@pytest.mark.parametrize(
    "table, options",
    [
        ("faithful", {"components": 2}),
        ("faithful", {"components": 3, "noise": True}),
        ("iris", {"components": 3, "model": "gaussian:VEV", "exclude": "species"}),
        ("npreg", {"components": 2, "model": "linear(yn ~ x)"}),
        ("penguins", {"components": 3, "columns": "bill_length_mm..body_mass_g"}),
        ("galaxies", {"components": "5-9", "starts": 2, "criterion": "aic"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_start_is_the_one_that_is_recorded(table: str, options: dict[str, Any]) -> None:
    """What a file says is enough to make it again."""
    begun: dict[Any, list[float]] = {}

    def listen(event: Event) -> None:
        if isinstance(event, Stepped) and event.iteration == 0:
            key = event.k, event.start_name, event.start, event.again
            begun.setdefault(key, []).append(event.log_likelihood)

    words = {"model": "gaussian", "starts": 8, "threads": 1, **options}  # workers tell nobody
    rows = tables.read([str(SAMPLES / f"{table}.csv")], settings.Reading())
    outcome = api.fit_table(rows, settings.build(settings.FitSettings, words), listen)
    written = json.loads(outcome.fitted.to_json())["fit"]["start"]
    key = outcome.fitted.mixture.k, written["name"], written["index"], written.get("try", 0)
    replay = Replay(outcome.fitted, encode(outcome.fitted, rows))
    assert begun[key][-1] == pytest.approx(replay.steps[0].log_likelihood, abs=1e-4)
    if table == "galaxies":
        assert "of" in written  # a split of a fit that is itself made again


def test_rows_that_end_elsewhere_are_told() -> None:
    whole = scene("two columns")
    few = tables.read([str(SAMPLES / "faithful.csv")], settings.Reading())
    few = tables.from_arrow(few.arrow.slice(0, 150))
    assert "ends at" in Replay(whole.fitted, encode(whole.fitted, few)).elsewhere


def test_a_start_that_is_not_recorded_is_told() -> None:
    whole = scene("two columns")
    for start, said in (({"name": "file", "index": 0, "seed": 0}, "not recorded"), ({}, "not say")):
        fitted = replace(whole.fitted, fit={**whole.fitted.fit, "start": start})
        with pytest.raises(UsageError, match=said):
            Replay(fitted, whole.rows)


def svg(kind: str, what: Scene, **ask: Any) -> str:
    file = BytesIO()
    plots.write(kind, what, Plotting(kind=kind, **ask), file, "svg")
    return file.getvalue().decode()


def words(kind: str, what: Scene, **ask: Any) -> str:
    """All that is written in a picture."""
    from matplotlib.text import Text

    picture = plots.draw(kind, what, Plotting(kind=kind, **ask))
    found = [text.get_text() for text in picture.findobj(Text)]
    return " ".join(" ".join(found).split())


def test_the_bound_shows_the_iterates_of_that_iteration() -> None:
    said = words("bound", scene("two columns"), iteration=3)
    for t in (3, 4, 5):
        reached = f"{replayed('two columns').steps[t].log_likelihood:.2f}".replace("-", "−")
        assert f"θ({t}) {reached}" in said
    assert "bound of the E step at θ(4)" in said and "is highest" in said


def test_the_bound_says_where_the_m_step_is_no_maximum() -> None:
    assert "no exact maximum" in words("bound", fits("newcomb", model="student", components=2))


def test_an_iteration_after_the_last_names_the_last() -> None:
    last = replayed("two columns").last
    with pytest.raises(UsageError, match=f"--iteration {last - 2}$"):
        plots.draw("bound", scene("two columns"), Plotting(kind="bound", iteration=last - 1))
    plots.draw("bound", scene("two columns"), Plotting(kind="bound", iteration=last - 2))


def test_a_fit_that_climbs_nothing_has_neither_picture() -> None:
    scene = fits("faithful", components=1)
    with pytest.raises(UsageError, match="nothing to climb"):
        plots.draw("bound", scene, Plotting(kind="bound"))
    with pytest.raises(InputError, match="EM began where it ended"):
        plots.draw("convergence", scene, Plotting(kind="convergence"))


def test_bound_and_convergence_are_the_same_bytes_again() -> None:
    for kind in ("bound", "convergence"):
        assert svg(kind, scene("two columns")) == svg(kind, scene("two columns"))


@pytest.fixture
def trace(tmp_path: Any) -> Any:
    """A trace of faithful: its file, and the fit."""
    table = tables.read([str(SAMPLES / "faithful.csv")], settings.Reading())
    asked = settings.build(settings.FitSettings, {"components": "1-3", "starts": 4, "threads": 1})
    path = tmp_path / "trace.jsonl"
    with path.open("wb") as file, Trace(file, False, lambda event: None) as listen:
        outcome = api.fit_table(table, asked, listen)
    return path, outcome


def test_a_trace_is_read_run_by_run(trace: Any) -> None:
    path, outcome = trace
    runs = read(str(path))
    assert {run.k for run in runs} == {1, 2, 3}
    own = [run for run in runs if run.k == outcome.fitted.mixture.k]
    assert len(own) > 4  # several begin alike
    for run in runs:
        assert (np.diff(run.passes) >= 0).all()  # where a run goes on, it looks again
        climbs = np.diff(run.log_likelihood) >= -1e-7
        assert (climbs | run.jumps[1:]).all()
    best = max(run.log_likelihood.max() for run in own)
    assert best == pytest.approx(outcome.fitted.fit["log_likelihood"], abs=1e-9)
    assert sum(len(run.passes) for run in runs) == len(path.read_text().splitlines())
    assert any(run.jumps.any() for run in runs)


def test_convergence_has_a_line_a_run_in_each_panel(trace: Any) -> None:
    path, outcome = trace
    fitted = outcome.fitted
    runs = [run for run in read(str(path)) if run.k == fitted.mixture.k]
    picture = plots.draw("convergence", Scene(fitted), Plotting(trace=str(path)))
    upper, lower = picture.axes
    for axes in (upper, lower):
        assert len(axes.lines) == 2 * len(runs)  # a line, and the marks of its jumps
    last = upper.lines[-2]
    assert last.get_color() == convergence.BEST
    best = max(runs, key=lambda run: run.log_likelihood[-1])
    below = fitted.fit["log_likelihood"] - best.log_likelihood
    np.testing.assert_allclose(
        last.get_ydata(), below[below > convergence.NEAREST], rtol=1e-4, atol=1e-11
    )


def test_a_trace_of_something_else_is_refused(trace: Any, tmp_path: Any) -> None:
    path, _ = trace
    other = scene("one column")
    with pytest.raises(InputError, match="tells nothing of gaussian"):
        plots.draw("convergence", other, Plotting(trace=str(path)))
    broken = tmp_path / "broken.jsonl"
    for text in ("{}\n", "no json\n", "[1]\n"):
        broken.write_text(text)
        with pytest.raises(InputError, match="line 1: no step of a trace"):
            read(str(broken))
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read(str(broken))
    with pytest.raises(InputError, match="cannot read the trace"):
        read(str(tmp_path / "none.jsonl"))


def test_without_a_trace_plain_em_is_drawn_and_said() -> None:
    assert "without acceleration" in words("convergence", scene("two columns"))


@pytest.mark.parametrize("last", [0, 1, 19, 20, 21, 59, 100, 5000])
def test_the_steps_that_are_shown(last: int) -> None:
    steps = animation.shown(last)
    assert steps[0] == 0 and steps[-1] == last and steps == sorted(set(steps))
    assert steps[:20] == list(range(min(last + 1, 20)))
    assert len(steps) <= animation.MOST + 1


def test_a_moving_picture_has_a_frame_a_step() -> None:
    file = BytesIO()
    plots.write("animation", scene("two columns"), Plotting(kind="animation"), file, "gif")
    assert file.tell() < 1_500_000
    picture = Image.open(file)
    assert picture.n_frames == len(animation.shown(replayed("two columns").last))
    first = np.asarray(picture.convert("RGB"))
    picture.seek(picture.n_frames - 1)
    last = np.asarray(picture.convert("RGB"))
    assert first.shape == last.shape and (first != last).any(axis=2).mean() > 0.005
    assert (last[0, 0] == 255).all()  # paper is white
    # What does not move stands still: the axis on the left.
    foot = first.shape[0] // 2
    np.testing.assert_array_equal(first[foot:, :40].max(axis=2), last[foot:, :40].max(axis=2))


def test_a_page_needs_nothing_from_elsewhere() -> None:
    file = BytesIO()
    plots.write("animation", scene("levels"), Plotting(kind="animation"), file, "html")
    page = file.getvalue().decode()
    assert not re.search(r"(src|href)\s*=\s*[\"']|https?://|url\(", page)
    frames = json.loads(page.partition("const frames = ")[2].partition(";\n")[0])
    assert len(frames) == len(animation.shown(replayed("levels").last))
    assert all(frame.startswith("data:image/png;base64,iVBOR") for frame in frames)


@pytest.mark.parametrize("value", ['"x"', "[1]", "{}"])
def test_a_step_that_holds_no_numbers_is_no_step(tmp_path: Any, value: str) -> None:
    good = {"model": "a", "k": 1, "start": 0, "start_name": "b", "try": 0, "kind": "em",
            "log_likelihood": 1.0, "remaining_gain": None}
    line = json.dumps(good)[:-1] + f', "iteration": {value}}}'
    (tmp_path / "t").write_text(line + "\n")
    with pytest.raises(InputError, match="line 1: no step of a trace"):
        read(str(tmp_path / "t"))
