"""The trace of a fit: one JSON line for each step of EM."""

from __future__ import annotations

import json
from typing import IO, Any

from emcli.events import CellStarted, Event, Listener, Stepped


class Trace:
    """A listener that writes every step to `file` and passes every event on.

    parameters: the parameters of each step too; they are large. Lines stand in the order of the
    k x model table, then of the starts, whatever the order in which threads ran them: they are
    sorted when the `with` block ends.
    """

    def __init__(self, file: IO[bytes], parameters: bool, further: Listener) -> None:
        self.file, self.parameters, self.further = file, parameters, further
        self.cells: dict[tuple[str, int], int] = {}
        self.lines: dict[tuple[int, int], list[bytes]] = {}

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            for place in sorted(self.lines):
                self.file.writelines(self.lines[place])

    def __call__(self, event: Event) -> None:
        if isinstance(event, CellStarted):
            self.cells.setdefault((event.model, event.k), event.cell)
        elif isinstance(event, Stepped):
            place = self.cells.get((event.model, event.k), 0), event.start
            self.lines.setdefault(place, []).append(self._line(event))
        self.further(event)

    def _line(self, event: Stepped) -> bytes:
        entry: dict[str, Any] = {
            "model": event.model,
            "k": event.k,
            "start": event.start,
            "start_name": event.start_name,
            "iteration": event.iteration,
            "kind": event.kind,
            "log_likelihood": event.log_likelihood,
            "gain": event.gain,
            "remaining_gain": event.remaining_gain,
        }
        if self.parameters:
            entry["parameters"] = event.parameters()
        return (json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode()
