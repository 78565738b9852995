"""The trace of a fit: one JSON line for each step of EM."""

from __future__ import annotations

import json
from typing import IO, Any

import numpy as np

from emcli.errors import InputError
from emcli.events import CellStarted, Event, Listener, Stepped
from emcli.frozen import frozen
from emcli.numerics import Array, Mask

_WRITE_ONE = "'emcli fit DATA --trace trace.jsonl' writes one"
_KEYS = {
    "model": str, "k": int, "start": int, "start_name": str, "try": int, "iteration": int,
    "kind": str, "log_likelihood": int | float, "remaining_gain": int | float | None,
}


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
            "try": event.again,
            "iteration": event.iteration,
            "kind": event.kind,
            "log_likelihood": event.log_likelihood,
            "gain": event.gain,
            "remaining_gain": event.remaining_gain,
        }
        if self.parameters:
            entry["parameters"] = event.parameters()
        return (json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode()


@frozen
class Recorded:
    """One run of a trace.

    passes, log_likelihood, remaining: (m,) each, NaN where the gain still to come was not known;
    jumps: (m,) which points were reached by a jump.
    """

    model: str
    k: int
    start_name: str
    passes: Array
    log_likelihood: Array
    remaining: Array
    jumps: Mask


def read(path: str) -> list[Recorded]:
    """The runs in a trace; `InputError` where it cannot be read or is none."""
    try:
        with open(path, encoding="utf-8") as file:
            steps = [_step(line, f"{path}, line {i + 1}") for i, line in enumerate(file)]
    except OSError as error:
        raise InputError(f"cannot read the trace {path}: {error.strerror}", _WRITE_ONE) from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no trace: it is not UTF-8 text", _WRITE_ONE) from None
    runs: dict[tuple[Any, ...], list[list[dict[str, Any]]]] = {}
    for step in steps:
        key = tuple(step[name] for name in ("model", "k", "start_name", "start", "try"))
        own = runs.setdefault(key, [])
        if not own or step["iteration"] < own[-1][-1]["iteration"]:
            own.append([])  # the same start of another search
        own[-1].append(step)
    return [_recorded(run) for own in runs.values() for run in own]


def _step(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        found = None
    known = isinstance(found, dict) and found.keys() >= _KEYS.keys()
    if not known or not all(isinstance(found[name], kind) for name, kind in _KEYS.items()):
        raise InputError(f"{where}: no step of a trace", _WRITE_ONE)
    return found


def _recorded(run: list[dict[str, Any]]) -> Recorded:
    def numbers(name: str) -> Array:
        return np.array([np.nan if step[name] is None else step[name] for step in run], float)

    first = run[0]
    return Recorded(
        first["model"], first["k"], first["start_name"], numbers("iteration"),
        numbers("log_likelihood"), numbers("remaining_gain"),
        np.array([step["kind"] == "jump" for step in run]),
    )
