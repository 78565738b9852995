"""Outputs that appear together or not at all, and a clean death by signal.

Every output is written to a temporary file beside its target and renamed into place when all
outputs of the command are complete. What cannot be renamed onto (standard output, FIFOs, devices)
is written directly. SIGINT, SIGTERM and SIGHUP remove the temporary files, undo what else was
registered, and then kill the process by the signal itself, as a shell expects.
"""

from __future__ import annotations

import io
import os
import re
import signal
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import IO, Any, NoReturn, TypeAlias

from emcli.errors import OutputError, UsageError

Undo = Callable[[], None]


class Death:
    """What to undo when a signal ends the process; one object for the process, `death`."""

    def __init__(self) -> None:
        self.undo: list[Undo] = []
        self.waits = False
        self.arrived: int | None = None
        self.process = os.getpid()

    def listen(self) -> None:
        """Take over the signals that end a process, except those the caller has ignored."""
        self.process = os.getpid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.signalled)

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Die now, or as soon as the renaming that is under way is done."""
        if self.waits:
            self.arrived = number
        else:
            self.die(number)

    def die(self, number: int) -> NoReturn:
        """Undo everything, and end by signal `number` itself."""
        if os.getpid() == self.process:  # a forked child owns none of this
            while self.undo:
                self.undo.pop()()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # reached only where the signal is blocked

    def __enter__(self) -> None:
        """A stretch that no signal may cut in two."""
        self.waits = True

    def __exit__(self, *failure: object) -> None:
        self.waits = False
        if self.arrived is not None:
            self.die(self.arrived)


death = Death()


class _Raw(io.FileIO):
    """A file whose failing writes name it: disk full becomes an `OutputError`."""

    def __init__(self, target: int, label: str) -> None:
        self.label = label
        super().__init__(target, "w")

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _refusal(self.label, error) from None


_File: TypeAlias = "io.BufferedWriter[_Raw]"


def _refusal(label: str, error: OSError) -> OutputError:
    return OutputError(f"cannot write {label}: {error.strerror or error}")


class Outputs:
    """The files one command writes, committed together when the `with` block ends well.

    `inputs` are the paths the command reads; an output that would overwrite one is refused.
    """

    def __init__(self, inputs: Sequence[str] = ()) -> None:
        self.inputs = {os.path.realpath(path) for path in inputs if path != "-"}
        self.pending: list[tuple[_File, str, str]] = []  # file, temporary, target
        self.direct: list[_File] = []
        self.taken: set[str] = set()

    def open(self, path: str) -> IO[bytes]:
        """A binary file to write `path` with ('-' is standard output).

        Opened before the work starts, so that an output that cannot be written fails at once.
        Raises `OutputError`, or `UsageError` when two outputs (or an input) share the path.
        """
        if not path or path.endswith("/"):
            raise UsageError(
                f"'{path}' is not the name of a file", "give a file name, or - for standard output"
            )
        descriptor = _descriptor_of(path)
        if descriptor == 1 and sys.stdout is None:  # else the next file opened would be number 1
            raise OutputError("cannot write standard output: it is closed")
        try:
            target = os.path.realpath(path) if descriptor is None else f"descriptor {descriptor}"
        except OSError as error:  # the working directory is gone
            raise _refusal(f"'{path}'", error) from None
        if target in self.taken:
            raise UsageError(f"two outputs cannot both go to '{path}'", "give them different files")
        if target in self.inputs:
            raise UsageError(f"'{path}' is also read", "write to another file")
        self.taken.add(target)
        label = "standard output" if descriptor == 1 else f"'{path}'"
        try:
            if descriptor is not None:
                return self._directly(os.dup(descriptor), label)
            if not _is_plain(target):
                return self._directly(os.open(target, os.O_WRONLY), label)
            return self._beside(target, label)
        except OSError as error:
            raise _refusal(label, error) from None

    def _directly(self, descriptor: int, label: str) -> _File:
        file = io.BufferedWriter(_Raw(descriptor, label))
        self.direct.append(file)
        return file

    def _beside(self, target: str, label: str) -> _File:
        """A temporary file in the target's directory, with the mode a new file would get."""
        folder, name = os.path.split(target)
        if not os.path.isdir(folder):
            raise OutputError(f"cannot write {label}: there is no directory '{folder}'")
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise OutputError(f"cannot write {label}: it is write-protected")
        with death:
            temporary = os.path.join(folder, f".{name[:80]}.{os.urandom(6).hex()}.tmp")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            death.undo.append(lambda: _remove(temporary))
        file = io.BufferedWriter(_Raw(descriptor, label))
        self.pending.append((file, temporary, target))
        return file

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            self._abandon()

    def _commit(self) -> None:
        for file in (*self.direct, *(file for file, _, _ in self.pending)):
            file.close()
        with death:
            for _, temporary, target in self.pending:
                try:
                    os.replace(temporary, target)
                except OSError as error:
                    raise _refusal(f"'{target}'", error) from None

    def _abandon(self) -> None:
        """Close without writing what is still buffered, and leave no temporary file."""
        for file in (*self.direct, *(file for file, _, _ in self.pending)):
            file.raw.close()
        for _, temporary, _ in self.pending:
            _remove(temporary)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _descriptor_of(path: str) -> int | None:
    """The open descriptor that '-', /dev/stdout or /dev/fd/N stands for.

    Opening /dev/stdout anew would truncate a file the shell is appending to, so it is duplicated.
    """
    if path == "-":
        return 1
    named = {"/dev/stdout": 1, "/dev/stderr": 2}
    numbered = re.fullmatch(r"(?:/dev/fd|/proc/self/fd)/(\d+)", path)
    return int(numbered[1]) if numbered else named.get(path)


def _is_plain(target: str) -> bool:
    """Is `target` a regular file, or nothing yet? FIFOs, devices and sockets are not."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise OutputError(f"cannot write '{target}': it is a directory")
    return stat.S_ISREG(mode)


def print_text(text: str) -> None:
    """Write text to standard output now; raises `OutputError` when that fails."""
    if sys.stdout is None:
        raise OutputError("cannot write standard output: it is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _refusal("standard output", error) from None
