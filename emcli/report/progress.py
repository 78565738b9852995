"""What is shown while a fit runs: a live display, plain lines, JSON lines, or nothing.

The live display appears only on a terminal that can move its cursor, only once a fit has taken
noticeably long, and leaves nothing behind; rich is not imported before.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, TextIO

from emcli.events import CellFinished, CellStarted, Event, Listener, StartFinished, Stepped, ignore
from emcli.files import death
from emcli.frozen import mutable
from emcli.report.terminal import moves
from emcli.settings import Talking

if TYPE_CHECKING:
    from rich.console import RenderableType

LIVE_AFTER = 0.4  # seconds before the live display appears
LINE_EVERY = 3.0  # seconds between plain lines
STEP_EVERY = 0.5  # seconds between steps that JSON lines report


@contextmanager
def listening(talking: Talking, criterion: str, stream: TextIO | None) -> Iterator[Listener]:
    """The listener that --progress asks for, for the length of a fit.

    `auto` is the live display where there is a terminal and nobody said -q, else silence.
    """
    mode = talking.progress
    if mode == "auto":
        mode = "live" if moves(stream) and not talking.quiet else "never"
    if stream is None or mode == "never":
        yield ignore
    elif mode == "lines":
        yield Lines(stream, criterion)
    elif mode == "json":
        yield JsonLines(stream)
    else:
        with Live(stream, criterion) as live:
            yield live


@mutable
class State:
    """What has been heard so far; events may come from several threads."""

    criterion: str
    began: float = field(default_factory=time.monotonic)
    cell: CellStarted | None = None
    step: Stepped | None = None
    done: int = 0
    starts_done: int = 0
    starts: int = 0
    best: CellFinished | None = None

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, CellStarted):
            self.cell, self.starts_done, self.starts, self.step = event, 0, 0, None
        elif isinstance(event, Stepped):
            self.step = event
        elif isinstance(event, StartFinished):
            self.starts_done, self.starts = self.starts_done + 1, event.starts
        else:
            self.done += 1
            least = None if self.best is None else self.best.value
            if event.value is not None and (least is None or event.value < least):
                self.best = event

    @property
    def elapsed(self) -> str:
        seconds = int(time.monotonic() - self.began)
        return f"{seconds // 60}:{seconds % 60:02d}"

    @property
    def position(self) -> str:
        """Which fit of how many."""
        if self.cell is None:
            return "starting"
        count = f" (fit {self.cell.cell} of {self.cell.cells})" if self.cell.cells > 1 else ""
        return f"{self.cell.model}, k = {self.cell.k}{count}"

    @property
    def progress(self) -> str:
        """How far the present start of EM has come."""
        step = self.step
        if step is None:
            return ""
        left = "" if step.remaining_gain is None else f", {step.remaining_gain:.1e} still to come"
        start = f"start {step.start + 1} ({step.start_name})"
        return (
            f"{start}, iteration {step.iteration}, log-likelihood {step.log_likelihood:.4f}{left}"
        )

    @property
    def leader(self) -> str:
        """The best cell so far."""
        if self.best is None or self.best.value is None:
            return ""
        name = self.criterion.upper()
        return f"best so far {self.best.model}, k = {self.best.k}, {name} {self.best.value:.2f}"


class Lines:
    """A plain line every few seconds."""

    def __init__(self, stream: TextIO, criterion: str) -> None:
        self.stream, self.state, self.lock = stream, State(criterion), threading.Lock()
        self.last = time.monotonic()

    def __call__(self, event: Event) -> None:
        with self.lock:
            self.state.hear(event)
            if time.monotonic() - self.last >= LINE_EVERY:
                self.last = time.monotonic()
                state = self.state
                parts = (state.elapsed, state.position, state.progress, state.leader)
                print("emcli: " + "; ".join(filter(None, parts)), file=self.stream, flush=True)


class JsonLines:
    """A JSON line for each cell and start, and for a step now and then."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.lock = stream, threading.Lock()
        self.began = time.monotonic()
        self.last = self.began

    def __call__(self, event: Event) -> None:
        with self.lock:
            now = time.monotonic()
            if isinstance(event, Stepped):
                if now - self.last < STEP_EVERY:
                    return
                self.last = now
            line = {"event": _NAMES[type(event)], "seconds": round(now - self.began, 3)}
            line |= {key: value for key, value in vars(event).items() if key != "parameters"}
            print(json.dumps(line, ensure_ascii=False), file=self.stream, flush=True)


_NAMES: dict[type, str] = {
    CellStarted: "cell started", CellFinished: "cell finished",
    StartFinished: "start finished", Stepped: "step",
}  # fmt: skip


class Live:
    """The live display; a context manager."""

    def __init__(self, stream: TextIO, criterion: str) -> None:
        self.stream, self.state, self.lock = stream, State(criterion), threading.RLock()
        self.display: Any = None

    def __enter__(self) -> Live:
        self.timer = threading.Timer(LIVE_AFTER, self._appear)
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.timer.cancel()
        self._vanish()

    def __call__(self, event: Event) -> None:
        self.state.hear(event)

    def _appear(self) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        from emcli.report.terminal import wants_colour

        console = Console(
            file=self.stream, highlight=False, markup=False, no_color=not wants_colour(self.stream)
        )
        with self.lock:
            if self.timer.finished.is_set():  # cancelled while rich was being imported
                return
            self.display = Display(
                get_renderable=self._picture, console=console, transient=True,
                refresh_per_second=8, redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            death.undo.append(self._vanish)
            self.display.start()

    def _vanish(self) -> None:
        """Take the display away and give the cursor back, at the end or at a signal."""
        with self.lock:
            display, self.display = self.display, None
            if display is not None:
                display.stop()

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        state = self.state
        lines = [Text(line, no_wrap=True, overflow="ellipsis")
                 for line in (state.progress, state.leader) if line]
        if not hasattr(self, "spinner"):
            self.spinner = Spinner("dots", style="cyan")
        head = Text(f"{state.elapsed}  {state.position}", no_wrap=True, overflow="ellipsis")
        if state.starts:
            head.append(f"  runs ended: {state.starts_done}, of {state.starts} starts", style="dim")
        self.spinner.text = head
        return Group(self.spinner, *lines)
