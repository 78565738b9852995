"""What the machine can do: matrix products, exponentials and copies, on all cores at once.

The environment is emcli's, so that the kernels of the products are those it uses.
"""

from __future__ import annotations

from emcli.environment import prepare

prepare()  # before NumPy is imported

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from functools import partial  # noqa: E402

import numpy as np  # noqa: E402

from tests.benchmarks.peers.line import Answer, Step, serve  # noqa: E402

SIDE = 1024  # of the matrices
NEAR, FAR = 2**15, 2**24  # numbers that stay in a core's cache, and that do not
TIMES = 512  # a near array is gone over


def rates(threads: str) -> tuple[Answer, Step]:
    """A second's floating-point operations, exponentials, and bytes copied, far and near."""
    count = int(threads)
    pool = ThreadPoolExecutor(count)
    works = [_works() for _ in range(count)]
    amounts = {"flops": 2 * SIDE**3 * 8, "exps": NEAR * TIMES, "far": 8 * FAR,
               "near": 8 * NEAR * TIMES}

    def step() -> Answer:
        found = {}
        for name, amount in amounts.items():
            begin = time.perf_counter()
            for done in [pool.submit(own[name]) for own in works]:
                done.result()
            found[name] = count * amount / (time.perf_counter() - begin)
        return {"seconds": 0, **found}

    return {}, step


def _works() -> dict[str, Callable[[], None]]:
    """What one thread does, on arrays of its own."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, SIDE, SIDE))
    near, far = -10 * rng.random(NEAR), rng.random(FAR)
    product, out, copy = np.empty_like(a), np.empty_like(near), np.zeros_like(far)
    return {
        "flops": partial(_again, 8, partial(np.matmul, a, b, out=product)),
        "exps": partial(_again, TIMES, partial(np.exp, near, out=out)),
        "far": partial(np.copyto, copy, far),
        "near": partial(_again, TIMES, partial(np.copyto, out, near)),
    }


def _again(times: int, work: Callable[[], object]) -> None:
    for _ in range(times):
        work()


serve(rates=rates)
