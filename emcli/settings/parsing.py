"""Parsers of what is typed: text to a value, or `ValueError` with a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def parse_components(text: str | int) -> tuple[int, ...]:
    """`3`, `1-9`, `2,4,8` or a mix -> increasing numbers of components."""
    found: set[int] = set()
    for part in str(text).split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if not match:
            raise ValueError(f"'{text}' is not a number of components; type 3, 1-9 or 2,4,8")
        low, high = int(match[1]), int(match[2] or match[1])
        if low < 1 or high < low or high > 10_000:
            raise ValueError(f"'{part.strip()}' is not a range of component numbers from 1 up")
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def parse_duration(text: str | float) -> float:
    """`90`, `90s`, `5m`, `2h`, `1h30m` -> seconds."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|m|s|$)", str(text).strip())
    if not parts or "".join(a + b for a, b in parts) != str(text).strip():
        raise ValueError(f"'{text}' is not a duration; type 90s, 5m or 1h30m")
    seconds = sum(float(number) * units[unit] for number, unit in parts)
    if seconds <= 0:
        raise ValueError(f"'{text}' is not a duration above zero")
    return seconds


def parse_size(text: str | int) -> int:
    """`256M`, `2G`, `1.5GiB`, or plain bytes -> bytes; K, M, G and T are powers of 1024."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(text), re.IGNORECASE)
    if not match:
        raise ValueError(f"'{text}' is not a size; type 256M or 2G")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def parse_list(text: str) -> tuple[str, ...]:
    """Words separated by commas -> the words, blanks around them removed."""
    return tuple(word.strip() for word in text.split(","))


def at_least(kind: Callable[[Any], Any], low: float) -> Callable[[Any], Any]:
    """A parser for numbers of `kind` (int or float) that are `low` or more."""

    def parse(text: Any) -> Any:
        try:
            value = kind(text)
        except (TypeError, ValueError):
            what = "whole number" if kind is int else "number"
            raise ValueError(f"'{text}' is not a {what}") from None
        if not low <= value < float("inf"):
            raise ValueError(f"{value} is out of range; it must be {low} or more")
        return value

    return parse


def parse_draws(text: str | int) -> int:
    """How many tables are drawn."""
    value: int = at_least(int, 1)(text)
    if value > 10_000:
        raise ValueError(f"{value} is out of range; it must be 10000 or less")
    return value


def parse_share(text: str | float) -> float:
    """A number above 0 and up to 1."""
    value = at_least(float, 0.0)(text)
    if not 0 < value <= 1:
        raise ValueError(f"{value} is not a probability above 0 and up to 1")
    return value


def parse_quantile(text: str | float) -> float:
    """A number between 0 and 1, both excluded."""
    value = at_least(float, 0.0)(text)
    if not 0 < value < 1:
        raise ValueError(f"{value} is not between 0 and 1")
    return value
