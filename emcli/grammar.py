"""The model language: `gaussian:VVE(a, b) + categorical(sex) + binomial(heads, trials=tosses)`.

    models = model { "," model }                      compared with each other
    model  = term { "+" term }                        a component is a product of blocks
    term   = FAMILY [ ":" VARIANT ] [ "(" [ arg { "," arg } ] ")" ]
    arg    = column selector | name "=" value

`,` and `+` split only outside parentheses and double quotes; awkward column names go in double
quotes. `gaussian:*` stands for all variants of the family.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from emcli.errors import UsageError
from emcli.families import catalogue
from emcli.frozen import frozen

AUTO = "auto"

_TERM = re.compile(
    r"(?P<family>[\w-]+)\s*(?::\s*(?P<variant>[\w*]+))?\s*(?:\((?P<args>.*)\))?", re.S
)
_VALUE = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.+)", re.S)


@frozen
class Term:
    """One block as typed: a family, its variant, column selectors and name=value arguments."""

    family: str
    variant: str | None = None
    selectors: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The term in the grammar's words, without its columns."""
        return f"{self.family}:{self.variant}" if self.variant else self.family


def parse(text: str) -> tuple[tuple[Term, ...], ...]:
    """Models separated by commas -> their terms; `UsageError` says what does not fit."""
    models: list[tuple[Term, ...]] = []
    for model in _split(text, ","):
        choices = [list(_variants(_term(term))) for term in _split(model, "+")]
        models += itertools.product(*choices)
    return tuple(dict.fromkeys(models))


def _split(text: str, mark: str) -> list[str]:
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


def _term(text: str) -> Term:
    match = _TERM.fullmatch(text)
    if not match:
        raise UsageError(
            f"'{text}' is not a model", "type FAMILY, FAMILY:VARIANT or FAMILY(COLUMN, ...)"
        )
    selectors: list[str] = []
    values: list[tuple[str, str]] = []
    for arg in _split(match["args"], ",") if (match["args"] or "").strip() else []:
        value = _VALUE.fullmatch(arg)
        if value:
            values.append((value["name"], _unquoted(value["value"].strip())))
        else:
            selectors.append(_unquoted(arg))
    term = Term(match["family"], match["variant"], tuple(selectors), tuple(values))
    if term.family == AUTO:
        if term.variant or term.values:
            raise UsageError("'auto' takes columns only", "type auto or auto(COLUMN, ...)")
        return term
    return _checked(term)


def _checked(term: Term) -> Term:
    """The term, if its family knows the variant and the arguments."""
    family = catalogue.family(term.family)
    for name, _ in term.values:
        if name not in family.options:
            known = " and ".join(f"{option}=" for option in family.options) or "columns only"
            raise UsageError(f"'{term.family}' does not take '{name}='", f"it takes {known}")
    if term.variant and not family.variants:
        raise UsageError(f"'{term.family}' has no variants", f"type {term.family}")
    if term.variant and term.variant != "*":
        family.variant(term.variant)
    return term


def _variants(term: Term) -> Iterator[Term]:
    """The term, or one for each variant where it asks for all."""
    if term.variant != "*":
        yield term
        return
    for variant in catalogue.family(term.family).variants:
        yield Term(term.family, variant, term.selectors, term.values)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
