"""emcli, in the environment its command line makes for itself."""

from __future__ import annotations

from emcli.environment import prepare

prepare()  # before NumPy is imported

import json  # noqa: E402
from collections.abc import Iterable, Iterator  # noqa: E402
from contextlib import suppress  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import emcli  # noqa: E402
from emcli import api, em, settings, tables  # noqa: E402
from emcli.errors import FitError  # noqa: E402
from emcli.expectation import Expectation  # noqa: E402
from emcli.mixture import Mixture  # noqa: E402
from emcli.sources.memory import MemorySource  # noqa: E402
from tests.benchmarks.peers.line import Answer, Step, serve, several, timed, versions  # noqa: E402
from tests.benchmarks.problems import (  # noqa: E402
    LEVELS,
    SMALL,
    Array,
    Problem,
    problem,
    start,
    taken,
)

MODELS = {"full": "gaussian:VVV", "diag": "gaussian:VVI", "student": "student:VVV"}
DF = 10.0  # degrees of freedom to begin with
BLOCKS = {"real": "gaussian:VVI", "category": "categorical", "count": "poisson"}
CLOSE = 1e-6  # nats from the optimum, where a run counts as arrived
SAME = 1e-3  # nats within which two ends are one optimum


def iterate(folder: str, threads: str = "0", **words: str) -> tuple[Answer, Step]:
    """One E step and one M step over all rows, as the loop takes them."""
    asked, values = problem(**words), np.ascontiguousarray(taken(folder).T)
    here = Mixture.from_dict(components(asked, start(folder)), title(asked))
    here = here.seeing(values, names(1, asked.d))
    source = MemorySource(values, names(1, asked.d), threads=int(threads) or None)

    def work() -> None:
        nonlocal here
        with np.errstate(all="ignore"):
            here = em.m_step(here, em.e_step(here, source))

    reached = em.e_step(here, source).log_likelihood + em.base_measure(here, source)
    return {"log_likelihood": float(reached)}, timed(work)


def components(problem: Problem, start: dict[str, Array]) -> list[dict[str, Any]]:
    """The start, as a parameters file has it."""
    found: list[dict[str, Any]] = [
        {"colour": f"c{k}", "weight": 1 / problem.k, "distributions": []} for k in range(problem.k)
    ]
    at = 1
    for kind, d in problem.kinds.items():
        model = MODELS.get(problem.model, BLOCKS[kind])
        head = {"family": model.partition(":")[0], "columns": names(at, d)}
        for k, component in enumerate(found):
            component["distributions"].append({**head, **parameters(problem, kind, start, k)})
        at += d
    return found


def names(first: int, count: int) -> list[str]:
    return [f"x{j}" for j in range(first, first + count)]


def title(problem: Problem) -> str:
    """The model in emcli's words."""
    if problem.model in MODELS:
        return MODELS[problem.model]
    blocks, at = [], 1
    for kind, d in problem.kinds.items():
        blocks.append(f"{BLOCKS[kind]}({', '.join(names(at, d))})")
        at += d
    return " + ".join(blocks)


def parameters(problem: Problem, kind: str, start: dict[str, Array], k: int) -> dict[str, Any]:
    """One component of one block, as a parameters file has it."""
    if kind == "count":
        return {"rate": start["rates"][k].tolist()}
    if kind == "category":
        found = start["probabilities"][k].tolist()
        return {"levels": [list(range(LEVELS))] * len(found), "probabilities": found}
    mean = start["means"][k].tolist()
    covariance = problem.covariance(len(mean))
    if problem.model == "full":
        return {"mean": mean, "covariance": covariance.tolist()}
    if problem.model == "student":
        return {"mean": mean, "scale": covariance.tolist(), "df": DF}
    return {"mean": mean, "variance": covariance.diagonal().tolist()}


def passes(folder: str, **words: str) -> tuple[Answer, Step]:
    """Passes over the rows until `CLOSE` to the optimum, plain and accelerated, start by start."""
    rows, asked = taken(folder), problem(**words)
    rng, seen = np.random.default_rng(4), watched()

    def climbed(start: str, **how: str) -> list[float]:
        """The log-likelihood of every pass of a run from the start to the very end."""
        seen.clear()
        with suppress(FitError):  # it came to an end that a fit refuses, but it came to it
            emcli.fit(
                np.array(rows), MODELS[asked.model], asked.k, start=start, tolerance=1e-9,
                max_iterations=200_000, **how,
            )  # fmt: skip
        return [*seen]

    def step() -> Answer:
        means = {"means": rows[rng.choice(asked.n, asked.k, replace=False)]}
        path = f"{folder}/start.json"
        with open(path, "w") as file:
            json.dump({"model": MODELS[asked.model], "components": components(asked, means)}, file)
        plain, fast = climbed(path, acceleration="none"), climbed(path)
        ends = max(plain), max(fast)
        near = [max(ends)] * 2 if abs(ends[0] - ends[1]) < SAME else ends
        return {
            "plain": arrival(plain, near[0]), "fast": arrival(fast, near[1]),
            "plain end": ends[0], "fast end": ends[1],
        }  # fmt: skip

    return {}, step


def watched() -> list[float]:
    """The log-likelihoods that passes over the rows find, from now on."""
    seen: list[float] = []
    total = MemorySource.total

    def noted(self: MemorySource, f: Any, *more: Any) -> Any:
        found = total(self, f, *more)
        if isinstance(found, Expectation):
            seen.append(float(np.max(found.log_likelihood)))
        return found

    MemorySource.total = noted  # type: ignore[method-assign, assignment]
    return seen


def arrival(passes: list[float], optimum: float) -> int:
    """How many passes were made when the optimum was `CLOSE`; 0 if it never was."""
    near = [number for number, found in enumerate(passes, 1) if found >= optimum - CLOSE]
    return near[0] if near else 0


def search(folder: str, model: str, k: str) -> tuple[Answer, Step]:
    """The whole search over a table; the log-likelihood of every cell."""
    rows = np.array(taken(folder))
    last: dict[str, float] = {}

    def work() -> None:
        fitted = emcli.fit(rows, model=model, k=k)
        last["fits"] = len(fitted.selection)
        for cell in fitted.selection:
            if cell["log_likelihood"] is not None:
                last[f"ll.{cell['model'].partition(':')[2]}.{cell['k']}"] = cell["log_likelihood"]

    step = timed(work)
    return {}, lambda: {**step(), **last}


def many(folder: str, each: str) -> tuple[Answer, Step]:
    """Many small tables, `each` of them a step, two components; on all cores, started anew."""
    rows = np.array(taken(folder)).reshape(-1, SMALL, 2)

    def fits(some: Iterable[Array]) -> Iterator[float]:
        for found in emcli.fit_each(some, k=2):
            assert isinstance(found, emcli.Fitted)
            yield found.fit["log_likelihood"]

    return {}, several(rows, int(each), fits)


class Begun(Exception):
    """The search would begin: everything is read."""


def read(path: str, memory: str = "") -> tuple[Answer, Step]:
    """What a fit does until its search begins: a file becomes the source it passes over."""
    asked = settings.build(settings.FitSettings, {"memory": memory} if memory else {})

    def begun(source: Any, *more: Any) -> None:
        raise Begun

    api.Search = begun  # type: ignore[assignment, misc]

    def work() -> None:
        with suppress(Begun):
            api.fit_table(tables.read([path], asked.reading), asked)

    return {}, timed(work)


def write(shares: str, path: str) -> tuple[Answer, Step]:
    """Colours and their probabilities (k, n) as CSV."""
    found = np.load(shares)
    codes = found.argmax(axis=0)
    colours = [f"c{k}" for k in range(len(found))]

    def work() -> None:
        with open(path, "wb") as file:
            writer = tables.AssignmentWriter(file, "csv", colours)
            with writer:
                writer.write(0, codes, found)

    return {}, timed(work)


serve(
    iterate=iterate, passes=passes, search=search, many=many, read=read, write=write,
    versions=versions("numpy", "pandas", "pyarrow"),
)  # fmt: skip
