"""Other processes that fit beside this one: small tables use all cores this way.

A table under a chunk gives threads too little to do between two locks of the interpreter, so its
cells (one model with one k) are fitted side by side instead: `shared`; and so are many tables, as
they come: `in_order`. What is done comes out the same wherever it is done, and if a worker cannot
start or dies, this process does its share.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from emcli.files import death
from emcli.frozen import mutable

if TYPE_CHECKING:
    import subprocess

Item = TypeVar("Item")
T = TypeVar("T")

# Seconds of work that pay for a worker.
WORTHWHILE = 0.4
# Items a worker may be ahead of the one that is waited for.
AHEAD = 2

_COMMAND = "import sys; sys.path[:] = {path!r}; from emcli.workers import serve; serve()"


@mutable
class Worker:
    """Another process at the other end of two pipes, which serves as `serve` does."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls) -> Worker:
        """One that waits to be told its setting."""
        import subprocess

        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND.format(path=sys.path)], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        death.undo.append(process.kill)
        return cls(process)

    def tell(self, what: Any) -> None:
        """Send it a setting, or an item."""
        assert self.process.stdin
        self.process.stdin.write(pickle.dumps(what))  # all of it, or nothing that cannot be sent
        self.process.stdin.flush()

    def ask(self, item: Any) -> Any:
        """What it makes of an item."""
        assert self.process.stdout
        self.tell(item)
        return pickle.load(self.process.stdout)

    def end(self) -> None:
        """Kill it; it holds nothing that must be put in order."""
        self.process.kill()
        self.process.communicate()
        death.undo.remove(self.process.kill)


# What asking a worker raises that has died, or that this process is done with.
_GONE = (OSError, EOFError, ValueError, pickle.UnpicklingError)
# And what sending it what cannot be sent.
_UNSENT = (pickle.PicklingError, TypeError, AttributeError)


def shared(
    task: Callable[[int], T],
    count: int,
    setting: Any,
    workers: int,
    arrived: Callable[[int, T], None] = lambda number, result: None,
) -> list[T]:
    """[task(0), ..., task(count - 1)], some of them from workers.

    `setting` is pickled once to each worker; there it is called, and gives the worker's own
    `task`. `task` here and there must give the same results. This process begins at the front of
    the list at once; each worker is started meanwhile and takes from the back. `arrived` is told
    what workers send, from a thread of this process.
    """
    waiting, lock = deque(range(count)), threading.Lock()
    found: dict[int, T] = {}

    def take(front: bool) -> int | None:
        with lock:
            if not waiting:
                return None
            return waiting.popleft() if front else waiting.pop()

    def feed(worker: Worker) -> None:
        number = None
        try:
            worker.tell(setting)
            while (number := take(front=False)) is not None:
                found[number] = worker.ask(number)
                arrived(number, found[number])
        except _GONE:
            if number is not None:
                with lock:
                    waiting.append(number)

    team = [Worker.start() for _ in range(workers)]
    feeders = [threading.Thread(target=feed, args=(worker,), daemon=True) for worker in team]
    try:
        for feeder in feeders:
            feeder.start()
        while len(found) < count:
            while (number := take(front=True)) is not None:
                found[number] = task(number)
            for feeder in feeders:
                feeder.join()
    finally:
        for worker in team:
            worker.end()
    return [found[number] for number in range(count)]


def in_order(
    task: Callable[[Item], T], items: Iterable[Item], setting: Any, workers: int
) -> Iterator[T]:
    """task(item) of each item, in order; from workers when `WORTHWHILE` seconds of it are done.

    task and setting are those of `shared`; items are pickled to the workers, as they get free, and
    taken from the iterable a few ahead of what is waited for. This process only waits: it would
    keep the interpreter's lock from what feeds the workers.
    """
    left, spent = iter(items), 0.0
    for item in left:
        began = time.perf_counter()
        found = task(item)
        spent += time.perf_counter() - began
        yield found
        if workers > 1 and spent > WORTHWHILE:
            break
    yield from _from_workers(task, left, setting, workers)


def _from_workers(
    task: Callable[[Item], T], items: Iterator[Item], setting: Any, workers: int
) -> Iterator[T]:
    from concurrent.futures import Future, ThreadPoolExecutor
    from queue import SimpleQueue

    idle: SimpleQueue[Worker] = SimpleQueue()
    under_way: deque[tuple[Item, Future[T]]] = deque()

    def begin(worker: Worker) -> None:
        try:
            worker.tell(setting)
        finally:
            idle.put(worker)

    def asked(item: Item) -> T:
        worker = idle.get()
        try:
            found: T = worker.ask(item)
        finally:
            idle.put(worker)
        return found

    def first() -> T:
        item, future = under_way.popleft()
        try:
            return future.result()
        except (*_GONE, *_UNSENT):
            return task(item)

    team: list[Worker] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            if not team:
                team += [Worker.start() for _ in range(workers)]
                pool.map(begin, team)
            under_way.append((item, pool.submit(asked, item)))
            while under_way and (len(under_way) > AHEAD * workers or under_way[0][1].done()):
                yield first()
        while under_way:
            yield first()
    finally:
        for worker in team:
            worker.process.kill()
        pool.shutdown(cancel_futures=True)
        for worker in team:
            worker.end()


def serve() -> None:
    """The worker's side: a setting, then items for its task until the pipe ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    task = pickle.load(sys.stdin.buffer)()
    while True:
        try:
            item = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(task(item), sys.stdout.buffer)
        sys.stdout.buffer.flush()
