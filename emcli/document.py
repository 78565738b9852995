"""The parameters file: a fitted mixture as JSON that people can read, and back, strictly.

Keys stand in a fixed order, numbers are the shortest that read back to the same double, arrays of
numbers stay on one line, and NaN or Infinity are never written nor accepted.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Protocol

from emcli.columns import Column
from emcli.errors import InputError, UsageError
from emcli.families import catalogue
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.schema import fault

SCHEMA = "emcli/model/1"
_WIDTH = 160
# What a file to start from may leave out.
_UNFITTED: dict[str, Any] = {
    "schema": SCHEMA,
    "fit": {
        "log_likelihood": 0, "free_parameters": 0, "rows": 0, "weight_total": 0,
        "converged": False, "stopped": "start", "iterations": 0,
    },
    "selection": [],
}  # fmt: skip
_NOT_OURS = "it was not written by 'emcli fit'"
_YOUR_OWN = "if it is one of your own, add --family-file FILE.py:NAME"
_WRITE_ONE = "type 'emcli fit DATA -o params.json' to make one"


class Fit(Protocol):
    """What a document holds; `emcli.api.Fitted` is one."""

    @property
    def mixture(self) -> Mixture: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def fit(self) -> Mapping[str, Any]: ...
    @property
    def selection(self) -> Sequence[Mapping[str, Any]]: ...


@frozen
class Document:
    """A parameters file that has been read and found sound."""

    mixture: Mixture
    columns: tuple[Column, ...]
    fit: dict[str, Any]
    selection: tuple[dict[str, Any], ...]
    provenance: dict[str, Any] | None = None


def write(fitted: Fit, provenance: Mapping[str, Any] | None = None) -> str:
    """The parameters file of a fit, ending in a newline.

    Raises `ValueError` if a number is not finite, which is a bug in whatever computed it.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "model": fitted.mixture.name,
        "k": fitted.mixture.k,
        "columns": [_column_entry(column) for column in fitted.columns],
        "components": fitted.mixture.to_dict(),
        "fit": fitted.fit,
        "selection": list(fitted.selection),
    }
    if provenance:
        content["provenance"] = dict(provenance)
    return render(content) + "\n"


def _column_entry(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.name, "kind": column.kind}
    if column.levels is not None:
        entry["levels"] = list(column.levels)
    return entry


def render(value: Any, indent: str = "") -> str:
    """JSON with one line for whatever is flat: a list of numbers, a row of a table."""
    if _is_flat(value):
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if not isinstance(value, Mapping) or len(indent) + len(line) <= _WIDTH:
            return line
    inner = indent + "  "
    if isinstance(value, Mapping):
        lines = [f"{inner}{json.dumps(k, ensure_ascii=False)}: {render(v, inner)}"
                 for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + render(item, inner) for item in value) + f"\n{indent}]"


def _is_flat(value: Any) -> bool:
    """Nothing inside but numbers, words and, in an object, lists of them."""
    if isinstance(value, Mapping):
        return not any(isinstance(v, Mapping) or not _is_flat(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return not any(isinstance(v, (Mapping, list, tuple)) for v in value)
    return True


def read(path: str, start: bool = False) -> Document:
    """The fitted mixture in a parameters file ('-' is standard input).

    start: EM is only to start from it, so that model and components are enough. Raises
    `InputError` naming the file and the place in it when it cannot be opened, is not JSON,
    or is not a parameters file.
    """
    name = "standard input" if path == "-" else path
    return parse(_text_of(path, name), name, start)


def parse(text: str, name: str, start: bool = False) -> Document:
    """The fitted mixture in the text of a parameters file; `name` is for the error messages."""
    content = _from_json(text, name)
    if start and isinstance(content, dict) and "components" in content:
        content = _startable(content)
    if not isinstance(content, dict) or "schema" not in content:
        raise InputError(f"{name}: {_NOT_OURS}", _WRITE_ONE)
    if content["schema"] != SCHEMA:
        raise InputError(f"{name}: its schema is '{content['schema']}', expected '{SCHEMA}'",
                         "use the version of emcli that wrote it, or fit again")
    found = fault(content) or _disagreement(content)
    if found:
        place, complaint = found
        raise InputError(f"{name}: {place.lstrip('.') or 'top level'}: {complaint}", _WRITE_ONE)
    return _build(content, name)


def _startable(content: dict[str, Any]) -> dict[str, Any]:
    """A document for what names only a model and its components."""
    components = content["components"]
    first = components[0] if isinstance(components, list) and components else {}
    blocks = first.get("distributions", []) if isinstance(first, dict) else []
    named: dict[Any, None] = {}
    for block in blocks:
        if isinstance(block, dict):
            named |= dict.fromkeys([*block.get("columns", []), block.get("trials")])
    columns = [{"name": name, "kind": "real"} for name in named if isinstance(name, str)]
    k = len(components) if isinstance(components, list) else 1
    return _UNFITTED | {"k": k, "columns": columns} | content


def _text_of(path: str, name: str) -> str:
    if path == "-" and sys.stdin is None:
        raise InputError(f"cannot read {name}: it is closed", _WRITE_ONE)
    try:
        if path == "-":
            raw = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                raw = file.read()
        return raw.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot read the parameters {name}: {reason}", _WRITE_ONE) from None
    except UnicodeDecodeError:
        raise InputError(f"{name}: {_NOT_OURS}: it is not UTF-8 text", _WRITE_ONE) from None


def _from_json(text: str, name: str) -> Any:
    """Strict JSON: no NaN, no Infinity, no number beyond a double, no key given twice."""

    def refuse(word: str) -> NoReturn:
        raise InputError(f"{name}: '{word}' is not a number of JSON", _WRITE_ONE)

    def number(word: str) -> float:
        value = float(word)
        return value if math.isfinite(value) else refuse(word)

    def whole(word: str) -> int:
        number(word)  # beyond a double there are no whole numbers either
        return int(word)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{name}: the key '{twice}' is given twice", _WRITE_ONE)
        return dict(pairs)

    try:
        return json.loads(
            text, parse_constant=refuse, parse_float=number, parse_int=whole,
            object_pairs_hook=once,
        )  # fmt: skip
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{name}, {where}: broken JSON: {error.msg}", _WRITE_ONE) from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply", _WRITE_ONE) from None


def _disagreement(content: dict[str, Any]) -> tuple[str, str] | None:
    """What one part of the document says against another: (where, what), or None."""
    components, names = content["components"], [c["name"] for c in content["columns"]]
    colours = [component["colour"] for component in components]
    if content["k"] != len(components):
        return "k", f"{content['k']}, but there are {len(components)} components"
    if len(set(colours)) < len(colours):
        return "components", "two have the same colour"
    if len(set(names)) < len(names):
        return "columns", "two have the same name"
    if abs(sum(component["weight"] for component in components) - 1) > 1e-9:
        return "components", "the weights do not add up to 1"
    if odd := _odd_one_out(components):
        return odd
    for i, component in enumerate(components):
        for j, block in enumerate(component["distributions"]):
            unknown = [column for column in block["columns"] if column not in names]
            if unknown:
                place = f"components[{i}].distributions[{j}].columns"
                return place, f"'{unknown[0]}' is not among the columns"
    return _not_parameters(components, names)


def _not_parameters(
    components: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> tuple[str, str] | None:
    """A parameter that is no number, trials that are none, a lopsided matrix: (where, what)."""
    for i, component in enumerate(components):
        for j, block in enumerate(component["distributions"]):
            labels = _labels(block["family"])
            for key, value in block.items():
                if key not in labels and (complaint := _parameter_fault(key, value, names)):
                    return f"components[{i}].distributions[{j}].{key}", complaint
    return None


def _parameter_fault(key: str, value: Any, names: Sequence[str]) -> str:
    if key == "trials":
        known = value in names if isinstance(value, str) else type(value) is int and value > 0
        return "" if known else "expected one of the columns or a number from 1"
    if not _only_numbers(value, null=key in ("df", "size")):
        return "expected numbers"
    if key in ("covariance", "scale") and not _symmetric(value):
        return "expected a symmetric matrix"
    return ""


def _only_numbers(value: Any, null: bool) -> bool:
    """Nothing inside but numbers; `null` where a parameter can run to infinity."""
    if isinstance(value, list):
        return all(_only_numbers(part, null) for part in value)
    return (null and value is None) or type(value) in (int, float)


def _symmetric(value: Any) -> bool:
    """True of a symmetric matrix, up to rounding, and of whatever is no square matrix."""
    rows = value if isinstance(value, list) else []
    if not all(isinstance(row, list) and len(row) == len(rows) for row in rows):
        return True
    return all(
        math.isclose(rows[i][j], rows[j][i], rel_tol=1e-6,
                     abs_tol=1e-9 * math.sqrt(abs(rows[i][i])) * math.sqrt(abs(rows[j][j])))
        for i in range(len(rows)) for j in range(i)
    )  # fmt: skip


def _odd_one_out(components: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    """A component whose blocks are not built like those of the first of its kind: (where, what)."""
    kinds: dict[Any, Any] = {}
    for i, component in enumerate(components):
        blocks = component["distributions"]
        first = kinds.setdefault(component.get("model"), blocks)
        if len(blocks) != len(first):
            return f"components[{i}].distributions", f"{len(blocks)}, but {len(first)} in the first"
        for j, (block, model) in enumerate(zip(blocks, first, strict=True)):
            for key in dict.fromkeys((*model, *block)):
                one, other = block.get(key), model.get(key)
                if key not in (*_labels(model["family"]), "trials"):
                    one, other = _shape(one), _shape(other)
                if one != other or (key in block) != (key in model):
                    place = f"components[{i}].distributions[{j}].{key}"
                    return place, "not built like the first component's"
    return None


def _labels(family: str) -> tuple[str, ...]:
    """The entries of a block that are no numbers, and the same in every component."""
    known = catalogue.family(family).labels if family in catalogue.names() else ()
    return ("family", "columns", "levels", *known)


def _shape(value: Any) -> Any:
    """What must agree among components' numbers."""
    return [_shape(part) for part in value] if isinstance(value, list) else None


def _build(content: dict[str, Any], name: str) -> Document:
    columns = tuple(
        Column(entry["name"], entry["kind"], tuple(entry["levels"]) if "levels" in entry else None)
        for entry in content["columns"]
    )
    try:
        mixture = Mixture.from_dict(content["components"], content["model"])
    except catalogue.UnknownFamily as error:
        raise InputError(f"{name}: {error.sentence}", _YOUR_OWN) from None
    except UsageError as error:
        raise InputError(f"{name}: model: {error.sentence}", _WRITE_ONE) from None
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{name}: components: {error}", _WRITE_ONE) from None
    mixture = replace(mixture, equal_weights=content["fit"].get("equal_weights", False))
    selection = tuple(content["selection"])
    return Document(mixture, columns, content["fit"], selection, content.get("provenance"))
