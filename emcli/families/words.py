"""A block's arguments in the words of the model grammar, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from emcli.errors import UsageError


def quoted(name: str) -> str:
    """A column name as the model grammar wants it."""
    plain = name.replace("_", "a").replace(".", "a").isalnum() and not name[0].isdigit()
    return name if plain else f'"{name}"'


def typed(value: Any) -> str:
    """An option's value as the model grammar writes it."""
    if isinstance(value, tuple):
        return typed(value[0]) if len(value) == 1 else f"({', '.join(map(typed, value))})"
    return f"{value:.17g}" if isinstance(value, float) and value.is_integer() else str(value)


def numbers(name: str, text: str) -> tuple[float, ...]:
    """`3`, or `(3, 4.5)`, as numbers."""
    try:
        found = tuple(float(word) for word in text.strip("() ").split(","))
    except ValueError:
        found = ()
    if not found or not np.isfinite(found).all():
        raise UsageError(
            f"'{text}' is no value for {name}=", f"type a number, or one for each column: "
            f"{name}=(1.5, 2)"
        )
    return found
