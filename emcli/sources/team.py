"""Forked processes that sum blocks beside this one.

Two threads of Python that call NumPy on pieces small enough for a cache spend their time handing
the interpreter's lock to each other: measured, 13.5 ns a row on one thread and 10 to 13 on two.
A forked process has a lock of its own and sees the same rows without a copy. Only the command line
forks: a library does not know what else its process holds.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn

from emcli.files import death
from emcli.frozen import mutable

# part(f, unit): what is added up, and of which unit of the rows.
Part = Callable[[Any, int], Any]

_NUMBER = struct.Struct("<i")
_END = -1


@mutable
class Member:
    """A forked process: it is told by `orders` and tells by `results`."""

    process: int
    orders: IO[bytes]
    results: IO[bytes]

    def kill(self) -> None:
        """End it; it holds nothing that must be put in order."""
        try:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


class Team:
    """This process and some others, who take units from one queue until it is empty."""

    def __init__(self, part: Part, others: int) -> None:
        self.part = part
        self._next, self._queue = os.pipe()
        self.members = [self._fork() for _ in range(others)]
        death.undo.append(self.close)

    def map(self, f: Any, units: int) -> Iterator[Any]:
        """part(f, 0), ..., part(f, units - 1); `f` is pickled once to each process.

        One that dies, or meets what it cannot do, leaves its share to this process, which from
        then on is alone; what went wrong there goes wrong here again, and is raised.
        """
        found: dict[int, Any] = {}
        try:
            if self.members:
                found = self._shared(f, units)
        except (OSError, EOFError, pickle.UnpicklingError):
            self.close()
        return (
            found.pop(unit) if unit in found else self.part(f, unit) for unit in range(units)
        )

    def _shared(self, f: Any, units: int) -> dict[int, Any]:
        order, whole = pickle.dumps(f), False
        try:
            for member in self.members:
                pickle.dump(order, member.orders)
                member.orders.flush()
            ends = [_END] * (len(self.members) + 1)
            os.write(self._queue, b"".join(map(_NUMBER.pack, [*range(units), *ends])))
            found = _work(self.part, f, self._next)
            for member in self.members:
                found |= pickle.load(member.results)
            whole = True
        finally:
            if not whole:  # the queue holds what nobody will take
                self.close()
        return found

    def close(self) -> None:
        """End the other processes."""
        while self.members:
            self.members.pop().kill()
        if self.close in death.undo:
            death.undo.remove(self.close)

    def _fork(self) -> Member:
        orders, told = os.pipe()
        found, results = os.pipe()
        gc.freeze()  # a collection in the child would copy every page it looks at
        with warnings.catch_warnings():
            # Of threads: Arrow's sleep in the parent, and the child calls nothing but NumPy.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        gc.unfreeze()
        if process == 0:
            os.close(told)
            os.close(found)
            os.close(self._queue)
            _serve(self.part, os.fdopen(orders, "rb"), os.fdopen(results, "wb"), self._next)
        os.close(orders)
        os.close(results)
        return Member(process, os.fdopen(told, "wb"), os.fdopen(found, "rb"))


def _work(part: Part, f: Any, queue: int) -> dict[int, Any]:
    """Take units until the end is drawn; what was found of each."""
    found: dict[int, Any] = {}
    while (unit := _NUMBER.unpack(os.read(queue, _NUMBER.size))[0]) != _END:
        found[unit] = part(f, unit)
    return found


def _serve(part: Part, orders: IO[bytes], results: IO[bytes], queue: int) -> NoReturn:
    """The other process: orders until the pipe ends, which it does however the parent ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    try:
        while True:
            f = pickle.loads(pickle.load(orders))
            pickle.dump(_work(part, f, queue), results)
            results.flush()
    finally:
        os._exit(0)  # whatever it was: this end of the pipes closes, and the parent does the rest
