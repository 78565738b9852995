"""Other processes that fit cells beside this one: small tables use all cores this way.

A table under a chunk gives threads too little to do between two locks of the interpreter, so its
cells (one model with one k) are fitted side by side instead. This process begins at the front of
the list at once; each worker is started meanwhile and takes from the back. A cell comes out the
same wherever it is fitted, and if a worker cannot start or dies, this process does its share.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from emcli.files import death

if TYPE_CHECKING:
    import subprocess

T = TypeVar("T")

_COMMAND = "import sys; sys.path[:] = {path!r}; from emcli.workers import serve; serve()"


def shared(
    task: Callable[[int], T],
    count: int,
    setting: Any,
    workers: int,
    arrived: Callable[[int, T], None] = lambda number, result: None,
) -> list[T]:
    """[task(0), ..., task(count - 1)], some of them from workers.

    `setting` is pickled once to each worker; there it is called, and gives the worker's own
    `task`. `task` here and there must give the same results. `arrived` is told what workers send,
    from a thread of this process.
    """
    waiting, lock = deque(range(count)), threading.Lock()
    found: dict[int, T] = {}

    def take(front: bool) -> int | None:
        with lock:
            if not waiting:
                return None
            return waiting.popleft() if front else waiting.pop()

    def feed(process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        number = None
        try:
            pickle.dump(setting, process.stdin)
            while (number := take(front=False)) is not None:
                pickle.dump(number, process.stdin)
                process.stdin.flush()
                found[number] = pickle.load(process.stdout)
                arrived(number, found[number])
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            # The process has died, or this one is done with it and has closed its pipes.
            if number is not None:
                with lock:
                    waiting.append(number)

    processes = [_start() for _ in range(workers)]
    feeders = [threading.Thread(target=feed, args=(p,), daemon=True) for p in processes]
    try:
        for feeder in feeders:
            feeder.start()
        while len(found) < count:
            while (number := take(front=True)) is not None:
                found[number] = task(number)
            for feeder in feeders:
                feeder.join()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
            death.undo.remove(process.kill)
    return [found[number] for number in range(count)]


def _start() -> subprocess.Popen[bytes]:
    import subprocess

    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND.format(path=sys.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    death.undo.append(process.kill)
    return process


def serve() -> None:
    """The worker's side: a setting, then numbers of tasks until the pipe ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    task = pickle.load(sys.stdin.buffer)()
    while True:
        try:
            number = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(task(number), sys.stdout.buffer)
        sys.stdout.buffer.flush()

