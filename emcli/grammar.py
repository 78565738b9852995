"""The model language: `gaussian:VVE(a, b) + categorical(sex) + binomial(heads, trials=tosses)`.

    models = model { "," model }                      compared with each other
    model  = kind { "|" kind }                        each further kind is of one component
    kind   = term { "+" term }                        a component is a product of blocks
    term   = FAMILY [ ":" VARIANT ] [ "(" [ arg { "," arg } ] ")" ]
    arg    = column selector | name "=" value | flag | formula

`,`, `|` and `+` split only outside parentheses and double quotes; awkward column names go in double
quotes. `gaussian:*` stands for all variants of the family.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emcli.errors import UsageError
from emcli.families import catalogue
from emcli.families.base import Family, Part
from emcli.frozen import frozen

AUTO = "auto"

_TERM = re.compile(
    r"(?P<family>[\w-]+)\s*(?::\s*(?P<variant>[\w*]+))?\s*(?:\((?P<args>.*)\))?", re.S
)
_QUOTED = re.compile(r'"[^"]*"')
_VALUE = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.+)", re.S)


@frozen
class Term:
    """One block as typed: a family, its variant, column selectors and name=value arguments.

    Among the latter a flag's value is "true", and a formula's name "formula".
    """

    family: str
    variant: str | None = None
    selectors: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    kind: int = 0  # of component

    @property
    def text(self) -> str:
        """The term in the grammar's words, without its columns."""
        return f"{self.family}:{self.variant}" if self.variant else self.family

    @property
    def formula(self) -> str:
        """Its formula as typed, if it has one."""
        return dict(self.values).get("formula", "")

    def read(self, found: Sequence[Mapping[str, Any]]) -> Family:
        """The family of this block from its K entries in a parameters file.

        They must agree in everything but parameters; ValueError or KeyError says what is wrong.
        """
        first = found[0]
        if any((e["family"], e["columns"]) != (first["family"], first["columns"]) for e in found):
            raise ValueError("the components differ in their families or columns")
        family = catalogue.family(self.family)
        levels = tuple(some and tuple(some) for some in first.get("levels", ()))
        options = family.options_of(first)
        if self.values:
            options = family.arguments(dict(self.values), (), str) | options
        part = Part(family, tuple(first["columns"]), self.variant, options, levels)
        family.refuse(part)
        if {"truncated_below", "truncated_above"} & set(first):
            from emcli.families.interval import Interval

            family = Interval
        read = family.from_dict(part, found)
        read.refuse_others(found)
        return read


def parse(text: str) -> tuple[tuple[Term, ...], ...]:
    """Models separated by commas -> their terms; `UsageError` says what does not fit."""
    models: list[tuple[Term, ...]] = []
    for model in split(text, ","):
        choices = [
            list(_variants(_term(term, number)))
            for number, kind in enumerate(split(model, "|"))
            for term in split(kind, "+")
        ]
        models += itertools.product(*choices)
    return tuple(dict.fromkeys(models))


def split(text: str, mark: str) -> list[str]:
    """Pieces between marks that stand outside parentheses and double quotes."""
    pieces, depth, quoted = [""], 0, False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if depth < 0:
                raise UsageError(f"model '{text}' closes a parenthesis that was not opened")
            if character == mark and depth == 0:
                pieces.append("")
                continue
        pieces[-1] += character
    if quoted or depth:
        missing = "double quote" if quoted else "parenthesis"
        raise UsageError(f"model '{text}' lacks a closing {missing}")
    if any(not piece.strip() for piece in pieces):
        raise UsageError(
            f"model '{text}' has nothing on one side of '{mark}'", "type for example 'gaussian:VVV'"
        )
    return [piece.strip() for piece in pieces]


def _term(text: str, kind: int) -> Term:
    match = _TERM.fullmatch(text)
    if not match:
        raise UsageError(
            f"'{text}' is not a model", "type FAMILY, FAMILY:VARIANT or FAMILY(COLUMN, ...)"
        )
    selectors: list[str] = []
    values: list[tuple[str, str]] = []
    flags = () if match["family"] == AUTO else catalogue.family(match["family"]).flags
    for arg in split(match["args"], ",") if (match["args"] or "").strip() else []:
        value = _VALUE.fullmatch(arg)
        if value:
            values.append((value["name"], _unquoted(value["value"].strip())))
        elif arg in flags:
            values.append((arg, "true"))
        elif "~" in _QUOTED.sub("", arg):
            values.append(("formula", arg))
        else:
            selectors.append(_unquoted(arg))
    term = Term(match["family"], match["variant"], tuple(selectors), tuple(values), kind)
    if term.family == AUTO:
        if term.variant or term.values:
            raise UsageError("'auto' takes columns only", "type auto or auto(COLUMN, ...)")
        return term
    return _checked(term)


def _checked(term: Term) -> Term:
    """The term, if its family knows the variant and the arguments."""
    family = catalogue.family(term.family)
    for name, _ in term.values:
        if name not in (*family.takes, *family.holds, *family.flags):
            known = [f"{option}=" for option in (*family.takes, *family.holds)]
            takes = " and ".join([*known, *family.flags]).replace("formula=", "y ~ x")
            what = "a formula" if name == "formula" else f"'{name}='"
            raise UsageError(
                f"'{term.family}' does not take {what}", f"it takes {takes or 'columns only'}"
            )
    if term.selectors and "formula" in family.takes:
        raise UsageError(
            f"'{term.family}' takes a formula, not the column '{term.selectors[0]}' by itself",
            f"type {term.family}(y ~ x1 + x2)",
        )
    twice = [name for name, _ in term.values]
    if len(set(twice)) < len(twice):
        name = next(name for name in twice if twice.count(name) > 1)
        raise UsageError(f"'{term.family}' is given '{name}' twice", "leave one of them out")
    if term.variant and not family.variants:
        raise UsageError(f"'{term.family}' has no variants", f"type {term.family}")
    if term.variant and term.variant != "*":
        family.variant(term.variant)
    return term


def _variants(term: Term) -> Iterator[Term]:
    """The term, or one for each variant, or value of an argument, where it asks for several."""
    if term.family == AUTO:
        yield term
        return
    family = catalogue.family(term.family)
    for variant in family.variants if term.variant == "*" else (term.variant,):
        for values in family.expanded(dict(term.values)):
            yield Term(term.family, variant, term.selectors, tuple(values.items()), term.kind)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
