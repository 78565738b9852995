"""What a fit tells whoever is listening: the live display, the lines, the trace.

The search calls one function, `listen(event)`; nothing below it knows who listens or prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from emcli.frozen import frozen


@frozen
class CellStarted:
    """The search turned to one model with one number of components."""

    model: str
    k: int
    cell: int
    cells: int


@frozen
class Stepped:
    """One EM step (`kind` "em") or one accelerated jump ("jump") was evaluated.

    start, again: the number of the start, and which of the runs that begin alike it is.
    """

    model: str
    k: int
    start: int
    start_name: str
    iteration: int
    log_likelihood: float
    gain: float | None
    remaining_gain: float | None
    kind: str = "em"
    parameters: Callable[[], Any] = field(default=list, repr=False)
    again: int = 0


@frozen
class StartFinished:
    """One start was run as far as it will be; `status` is "ok" or why it ended."""

    model: str
    k: int
    start: int
    starts: int
    log_likelihood: float | None
    status: str


@frozen
class CellFinished:
    """One cell of the k x model table is done; `value` is its criterion."""

    model: str
    k: int
    value: float | None
    status: str


Event = CellStarted | Stepped | StartFinished | CellFinished
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
