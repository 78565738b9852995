"""The shipped JSON Schema, and a reader of the few words of JSON Schema it uses.

The parameters file is checked by the very schema that is published, without a package for it at
run time. A test holds this reader against `jsonschema` on broken documents.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float),
    "integer": (int,), "boolean": (bool,), "null": (type(None),),
}


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the parameters file."""
    from pathlib import Path

    path = Path(__file__).with_name("model-1.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def fault(
    value: Any, rule: dict[str, Any] | None = None, place: str = ""
) -> tuple[str, str] | None:
    """The first thing in `value` that breaks the schema: (where, what), or None."""
    rule = schema() if rule is None else rule
    if "$ref" in rule:
        rule = schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    complaint = _own_fault(value, rule)
    if complaint:
        return place, complaint
    for key, part, inner in _parts(value, rule):
        found = fault(part, inner, f"{place}{key}")
        if found:
            return found
    return None


def _own_fault(value: Any, rule: dict[str, Any]) -> str:
    """What is wrong with this value itself, its parts left aside; empty when nothing is."""
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"expected {' or '.join(kinds)}"
    if "const" in rule and value != rule["const"]:
        return f"expected '{rule['const']}'"
    if "enum" in rule and value not in rule["enum"]:
        return f"expected one of {', '.join(rule['enum'])}"
    if _is(value, "number") and not (
        rule.get("minimum", value) <= value <= rule.get("maximum", value)
    ):
        return f"{value} is out of range"
    if isinstance(value, str) and len(value) < rule.get("minLength", 0):
        return "expected some text"
    if isinstance(value, list) and len(value) < rule.get("minItems", 0):
        return "expected at least one entry"
    if isinstance(value, dict):
        return _keys_fault(value, rule)
    return ""


def _keys_fault(value: dict[str, Any], rule: dict[str, Any]) -> str:
    absent = [key for key in rule.get("required", ()) if key not in value]
    if absent:
        return f"'{absent[0]}' is missing"
    extra = [key for key in value if key not in rule.get("properties", {})]
    if extra and rule.get("additionalProperties") is False:
        return f"'{extra[0]}' does not belong here"
    return ""


def _parts(value: Any, rule: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """What is inside a list or an object: (how to point at it, the part, its rule)."""
    if isinstance(value, list) and "items" in rule:
        return [(f"[{i}]", part, rule["items"]) for i, part in enumerate(value)]
    if isinstance(value, dict):
        known, others = rule.get("properties", {}), rule.get("additionalProperties")
        rules = {key: known.get(key, others) for key in value}
        return [(f".{key}", value[key], r) for key, r in rules.items() if isinstance(r, dict)]
    return []


def _is(value: Any, kind: str) -> bool:
    """JSON's types: true is not a number, and 3.0 is a whole one."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])
