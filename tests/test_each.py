"""Many tables: what `fit_each` gives is what a loop gives, wherever the fits are made."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import emcli
from emcli import api, workers
from emcli.errors import EmcliError, InputError, UsageError

ROWS = np.random.default_rng(0).standard_normal((8, 60, 2))
TABLES: list[Any] = [
    *ROWS[:3],
    ROWS[3, :3],  # too few rows
    pd.DataFrame(ROWS[4], columns=["a", "b"]),
    pd.DataFrame({"a": ["x", "y"] * 30}),  # no numbers
    pa.table({"a": ROWS[5, :, 0]}),
    "no table",
    *ROWS[6:],
]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are started after the first table, however quick it was."""
    monkeypatch.setattr(workers, "WORTHWHILE", 0.0)


def told(found: api.Fitted | EmcliError) -> str:
    """All there is to say of an outcome."""
    return f"{type(found)}: {found}" if isinstance(found, EmcliError) else found.to_json()


def looped(table: Any, **options: Any) -> api.Fitted | EmcliError:
    try:
        return api.fit(table, **options)
    except EmcliError as error:
        return error


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_fits_and_errors_come_in_order_as_a_loop_makes_them(threads: int) -> None:
    options: dict[str, Any] = {"model": "gaussian", "k": [1, 2], "starts": 3}
    found = [told(one) for one in emcli.fit_each(iter(TABLES), **options, threads=threads)]
    assert found == [told(looped(table, **options)) for table in TABLES]
    assert [number for number, one in enumerate(found) if "Error" in one] == [3, 5, 7]


def test_tables_are_taken_as_they_are_wanted() -> None:
    taken = itertools.count()
    found = emcli.fit_each((ROWS[next(taken) % 8] for _ in itertools.count()), k=1, threads=2)
    fitted = [one for one, _ in zip(found, range(5), strict=False)]
    assert isinstance(found, Iterator)
    assert all(isinstance(one, api.Fitted) for one in fitted)
    assert next(taken) <= len(fitted) + 2 * workers.AHEAD + 1


def test_what_makes_no_sense_for_any_table_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="no option 'begins'"):
        emcli.fit_each(ROWS, begins=3)


def test_a_failed_table_is_let_go() -> None:
    (error,) = emcli.fit_each(["no table"])
    assert isinstance(error, InputError)
    assert error.__traceback__ is None


def doubled(item: Callable[[], int]) -> int:
    return 2 * item()


def number(value: int) -> int:
    return value


def quitting() -> Callable[[Any], int]:
    """A worker that dies of its first item."""
    return lambda item: os._exit(1)


def serving() -> Callable[[Any], int]:
    return doubled


@pytest.mark.parametrize("setting", [quitting, serving])
def test_what_no_worker_does_is_done_here(setting: Any) -> None:
    """One that died, and an item that cannot be sent."""
    items = [partial(number, 1), partial(number, 2), lambda: 3, partial(number, 4)]
    assert [*workers.in_order(doubled, items, setting, 2)] == [2, 4, 6, 8]
