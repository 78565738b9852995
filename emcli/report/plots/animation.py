"""EM at work: the rows taking their colours and the components moving to their places."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from io import BytesIO
from typing import IO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from emcli.replay import Replay
from emcli.report.plots import clusters, style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

# Every one of the first steps is shown, then fewer and fewer, so many in all.
FIRST, MOST = 20, 60
# Milliseconds that a frame stays, and the last one.
FRAME, LAST = 200, 3000
# So many colours; paper is white, and not what it is on average.
COLOURS, WHITE = 128, 249
DOTS = 90  # an inch


def save(scene: Scene, ask: Plotting, file: IO[bytes], fmt: str) -> None:
    """Write the moving picture."""
    replay = scene.replay
    with style.look():
        frames = _one_palette(list(_frames(scene, replay, ask)))
    if fmt == "gif":
        stays = [FRAME] * (len(frames) - 1) + [LAST]
        frames[0].save(
            file, "GIF", save_all=True, append_images=frames[1:], duration=stays, loop=0
        )
    else:
        file.write(_html(frames, f"{scene.fitted.mixture.name}, k = {scene.k}").encode())


def shown(last: int) -> list[int]:
    """The steps that are shown, the start and the last among them."""
    later = np.geomspace(FIRST, max(last, FIRST), MOST - FIRST)
    found = np.concatenate([np.arange(FIRST), later.round().astype(int)])
    return sorted({int(step) for step in found if step <= last} | {last})


def _frames(scene: Scene, replay: Replay, ask: Plotting) -> Iterator[Image.Image]:
    """The steps in pictures that agree in all but what EM moves."""
    last = _at(scene, replay, replay.last)
    last = replace(last, last=last)
    frame = clusters.draw(last, ask)
    _titled(frame, replay, replay.last)
    frame.canvas.draw()  # which lays it out
    for step in shown(replay.last):
        picture = clusters.draw(_at(last, replay, step), ask)
        picture.set_layout_engine("none")
        for axes, model in zip(picture.axes, frame.axes, strict=True):
            axes.set_position(model.get_position())
            axes.set_xlim(model.get_xlim())
            axes.set_ylim(model.get_ylim())
        _titled(picture, replay, step)
        yield _image(picture)


def _at(scene: Scene, replay: Replay, step: int) -> Scene:
    """The rows as they are coloured after so many steps."""
    mixture = replay.steps[step].mixture
    return replace(scene, fitted=replace(scene.fitted, mixture=mixture))


def _titled(picture: Figure, replay: Replay, step: int) -> None:
    reached = f"{replay.steps[step].log_likelihood:.2f}".replace("-", "−")
    picture.axes[0].set_title(
        f"EM, step {step} of {replay.last}: log-likelihood {reached}", loc="left"
    )


def _image(picture: Figure) -> Image.Image:
    picture.set_dpi(DOTS)
    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames in the same few colours, those of the first, the middle and the last."""
    some = [frames[i] for i in (0, len(frames) // 2, -1)]
    whole = Image.fromarray(np.concatenate([np.asarray(frame) for frame in some]))
    colours = whole.quantize(COLOURS)
    nearly = colours.getpalette() or []
    colours.putpalette([255 if level > WHITE else level for level in nearly])
    return [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]


def _html(frames: Sequence[Image.Image], title: str) -> str:
    """A page that needs nothing else: the frames in it, a button and a slider."""
    sources = []
    for frame in frames:
        file = BytesIO()
        frame.save(file, "PNG", optimize=True)
        sources.append("data:image/png;base64," + b64encode(file.getvalue()).decode())
    return _PAGE.format(
        title=escape(title), frames=json.dumps(sources), last=len(frames) - 1, stay=FRAME,
        hold=LAST // FRAME,
    )  # fmt: skip


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>EM at work: {title}</title>
<style>
body {{ font: 15px sans-serif; margin: 1em auto; max-width: 45em; padding: 0 1em }}
img {{ width: 100% }}
input {{ width: calc(100% - 6em) }}
</style>
<img id="picture" alt="The rows and the components at a step of EM">
<button id="play">Pause</button>
<input id="step" type="range" min="0" max="{last}" value="0" aria-label="step">
<script>
const frames = {frames};
const picture = document.getElementById("picture");
const slider = document.getElementById("step");
const button = document.getElementById("play");
let playing = true, held = 0;
function show(step) {{ slider.value = step; picture.src = frames[step]; }}
slider.oninput = () => {{ playing = false; button.textContent = "Play"; show(+slider.value); }};
button.onclick = () => {{ playing = !playing; button.textContent = playing ? "Pause" : "Play"; }};
setInterval(() => {{
  if (!playing) return;
  if (+slider.value < {last}) {{ held = 0; show(+slider.value + 1); }}
  else if (++held > {hold}) {{ held = 0; show(0); }}
}}, {stay});
show(0);
</script>
</html>
"""
