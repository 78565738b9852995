"""Columns as people name them: by name, position, range or pattern."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Sequence

from emcli.errors import InputError


def select(names: Sequence[str], specs: Sequence[str]) -> list[str]:
    """The columns that `specs` mean, in the order they are first mentioned, each once.

    A spec is a name, a position from 1, a range (`a..d`, `1..4`, `3..`), a pattern (`bill_*`), or
    several of them with commas between; a name with a comma or blank goes in double quotes. A
    column's exact name comes before any other meaning. Raises `InputError` for what is not there.
    """
    found: dict[str, None] = {}
    for spec in specs:
        for word in [spec] if spec in names else _words(spec):
            found.update(dict.fromkeys(_one(names, word)))
    return list(found)


def single(names: Sequence[str], spec: str) -> str:
    """The one column that `spec` means: a name or a position."""
    return spec if spec in names else names[_place(names, spec.strip())]


def _words(spec: str) -> list[str]:
    """Pieces between commas that stand outside double quotes."""
    pieces = next(csv.reader([spec], skipinitialspace=True), [])
    return [piece for piece in pieces if piece.strip()] or [spec]


def _one(names: Sequence[str], word: str) -> list[str]:
    if word in names:
        return [word]
    word = word.strip()
    if word in names:
        return [word]
    if ".." in word:
        return _range(names, word)
    if re.search(r"[*?[]", word):
        found = [name for name in names if fnmatch.fnmatchcase(name, word)]
        if not found:
            raise InputError(f"no column matches '{word}'", f"the columns are {listed(names)}")
        return found
    return [names[_place(names, word)]]


def _range(names: Sequence[str], word: str) -> list[str]:
    """`a..d` by name or position, both ends included; an end may be left out."""
    low, _, high = (part.strip() for part in word.partition(".."))
    first = _place(names, low) if low else 0
    last = _place(names, high) if high else len(names) - 1
    if last < first:
        raise InputError(
            f"in '{word}', column '{names[first]}' comes after '{names[last]}'",
            f"type {names[last]}..{names[first]}",
        )
    return list(names[first : last + 1])


def _place(names: Sequence[str], word: str) -> int:
    """The 0-based place of a name or 1-based position."""
    if word in names:
        return list(names).index(word)
    if re.fullmatch(r"\d+", word):
        if 1 <= int(word) <= len(names):
            return int(word) - 1
        raise InputError(
            f"there is no column {word}; the table has {len(names)}", f"they are {listed(names)}"
        )
    raise unknown(names, word)


def unknown(names: Sequence[str], word: str) -> InputError:
    """The error for a column that is not there, with the nearest name or the spelling meant."""
    low, _, high = (part.strip() for part in word.partition("-"))
    ends = [end in names or re.fullmatch(r"\d+", end) for end in (low, high)]
    if all(ends) and high:
        return InputError(f"there is no column '{word}'", f"a range is typed {low}..{high}")
    import difflib

    near = difflib.get_close_matches(word, names, n=1)
    if not near:
        near = [name for name in names if name.lower() == word.lower()][:1]
    hint = f"did you mean '{near[0]}'?" if near else f"the columns are {listed(names)}"
    return InputError(f"there is no column '{word}'", hint)


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names with commas, the first few of many."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
