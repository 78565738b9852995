"""Every failure a user can meet: one sentence, what to do about it, and an exit status.

The command line prints ``sentence`` and ``hint`` on one line and exits with ``exit_code``; a
library user catches ``EmcliError`` or one of its kinds. Anything else that escapes is a bug.
"""

from __future__ import annotations


class EmcliError(Exception):
    """A failure with a sentence for the user; `hint` says what to type instead."""

    exit_code = 1

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence}; {self.hint}" if self.hint else self.sentence


class UsageError(EmcliError):
    """Options or a model that make no sense, whatever the data."""

    exit_code = 2


class InputError(EmcliError):
    """A file, row or column that cannot be used."""

    exit_code = 3


class FitError(EmcliError):
    """Every start of every model failed, or `--strict` was not satisfied."""

    exit_code = 4


class OutputError(EmcliError):
    """A file that cannot be written."""

    exit_code = 5


class DegenerateError(EmcliError):
    """One run of EM ended in an empty, singular or spurious component.

    Not a failure of the command: the search tries its other starts, and only when none is regular
    does a `FitError` (or a warning) name what happened.
    """

    exit_code = 4

    def __init__(self, sentence: str, component: int | None = None) -> None:
        super().__init__(sentence)
        self.component = component
