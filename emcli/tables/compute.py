"""The functions of `pyarrow.compute` that emcli uses, under their own names.

Importing `pyarrow.compute` makes a Python function of each of Arrow's three hundred, which takes
longer than reading ten thousand rows; and an array's `cast`, `take` or `is_valid` import it too.
These call Arrow directly. Their arguments are arrays, chunked arrays and scalars of Arrow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

try:
    from pyarrow import _compute as arrow
except ImportError:  # should the name change some day, the slow way still works
    import pyarrow.compute as arrow


def _function(name: str) -> Callable[..., Any]:
    return lambda *columns: arrow.call_function(name, list(columns))


dictionary_encode = _function("dictionary_encode")
fill_null = _function("coalesce")
if_else = _function("if_else")
is_null = _function("is_null")
is_valid = _function("is_valid")
take = _function("take")
unique = _function("unique")
utf8_trim_whitespace = _function("utf8_trim_whitespace")


def cast(column: Any, kind: pa.DataType) -> Any:
    """The column as another type; raises `pa.ArrowInvalid` where a cell does not fit."""
    return arrow.call_function("cast", [column], arrow.CastOptions.safe(kind))


def is_in(column: Any, values: pa.Array) -> Any:
    """Which cells are among the values."""
    return arrow.call_function("is_in", [column], arrow.SetLookupOptions(values))


def match_substring_regex(words: Any, pattern: str) -> Any:
    """In which words the pattern occurs."""
    return arrow.call_function(
        "match_substring_regex", [words], arrow.MatchSubstringOptions(pattern)
    )


def replace_substring(words: Any, old: str, new: str) -> Any:
    """The words with `old` replaced everywhere."""
    return arrow.call_function(
        "replace_substring", [words], arrow.ReplaceSubstringOptions(old, new)
    )


def joined(separator: pa.Scalar, *columns: Any) -> Any:
    """The cells of each row put together with the separator between; an empty cell is ''."""
    return arrow.call_function(
        "binary_join_element_wise", [*columns, separator], arrow.JoinOptions("replace", "")
    )
