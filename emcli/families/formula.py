"""The formulas of regressions, and the designs they stand for: `y ~ x + x^2 + a:b - 1`.

    formula = RESPONSE "~" term { "+" term } [ "-" "1" ]
    term    = factor { ":" factor } | "1"
    factor  = COLUMN [ "^" whole number ]

A factor is a column or a power of it, `a:b` their product, and there is an intercept unless `-1`
takes it away. A column of categories stands for an indicator of each level but the first, in
sorted order (treatment coding); for all of them where nothing else in the formula describes the
first: without the intercept, or beside `x` in `x:group` where there is no `x`. Columns whose names
are no plain words go in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NoReturn

from emcli.errors import UsageError
from emcli.families.words import quoted
from emcli.frozen import frozen
from emcli.numerics import Array

_TOKEN = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<word>[\w.]+)|(?P<mark>\S))')
_HINT = "type for example y ~ x + x^2 + x:group - 1; awkward column names go in double quotes"

Factor = tuple[str, int]  # a column and the power it is raised to
Term = frozenset[Factor]  # their product


@frozen
class Formula:
    """What depends on what; `str` gives it as the grammar writes it."""

    response: str
    terms: tuple[tuple[Factor, ...], ...]
    intercept: bool = True

    def __str__(self) -> str:
        words = [":".join(map(_factor, term)) for term in self.terms] or ["1"]
        return f"{quoted(self.response)} ~ {' + '.join(words)}{'' if self.intercept else ' - 1'}"

    @property
    def regressors(self) -> tuple[str, ...]:
        """The columns on the right, each once."""
        return tuple(dict.fromkeys(column for term in self.terms for column, _ in term))


def _factor(factor: Factor) -> str:
    column, power = factor
    return f"{quoted(column)}^{power}" if power > 1 else quoted(column)


def parse(text: str, find: Callable[[str], str]) -> Formula:
    """The formula of that text; find: the column that a name means.

    Raises `UsageError` for what the language does not have, saying what to type.
    """
    left, *right = _split(_tokens(text), "~")
    if len(right) != 1:
        _refuse(text, "a formula has one ~")
    if len(left) != 1 or not left[0].name:
        _refuse(text, "on its left stands one column")
    if not right[0]:
        _refuse(text, "nothing stands on its right")
    response = find(left[0].name)
    terms: dict[Term, tuple[Factor, ...]] = {}
    intercept = True
    for sign, piece in _signed(right[0]):
        words = _words(piece)
        if sign == "-" and words != "1":
            _refuse(text, f"'-{words}' is not in the language: only the intercept goes, by -1")
        if words in ("0", "1"):
            intercept = words == "1" and sign == "+"
            continue
        term = tuple(_factors(text, piece, find))
        if frozenset(term) in terms:
            _refuse(text, f"'{words}' stands there twice")
        if any(column == response for column, _ in term):
            _refuse(text, f"'{response}' cannot depend on itself")
        terms[frozenset(term)] = term
    if not terms and not intercept:
        _refuse(text, "nothing is left of it")
    return Formula(response, tuple(terms.values()), intercept)


@frozen
class _Token:
    """A word or mark of a formula; name: the column it can mean, if it can; after: is it one
    that follows a blank?"""

    shown: str
    name: str = ""
    after: bool = False


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text.rstrip()):
        word, shown = match["word"] or "", match[0].strip()
        plain = "" if word[:1].isdigit() or set(word) == {"."} else word
        found.append(_Token(shown, match["quoted"] or plain, match[0] != shown))
    return found


def _words(piece: Sequence[_Token]) -> str:
    """A piece of a formula as typed."""
    return "".join(" " * token.after + token.shown for token in piece).strip()


def _split(tokens: Sequence[_Token], mark: str) -> list[list[_Token]]:
    pieces: list[list[_Token]] = [[]]
    for token in tokens:
        if token.shown == mark:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _signed(tokens: Sequence[_Token]) -> Iterator[tuple[str, list[_Token]]]:
    """The pieces between signs, each with the sign before it; the first has + where it has none."""
    sign, piece = "+", list[_Token]()
    for number, token in enumerate([*tokens, _Token("+")]):
        if token.shown not in ("+", "-"):
            piece.append(token)
            continue
        if piece or number:
            yield sign, piece
        sign, piece = token.shown, []


def _factors(text: str, piece: Sequence[_Token], find: Callable[[str], str]) -> Iterator[Factor]:
    """The factors of one term."""
    words = _words(piece)
    marks = {token.shown for token in piece if not token.name}
    if not piece:
        _refuse(text, "there is a sign with nothing behind it")
    if "*" in marks:
        _refuse(text, f"'{words}' is not in the language", "type a + b + a:b for a*b")
    if "(" in marks:
        _refuse(text, f"'{words}' is not in the language",
                "make a column of it in the table; powers are x^2")
    if marks == {"."}:
        _refuse(text, "'.' is no column", "name the columns one by one")
    seen = []
    for factor in _split(piece, ":"):
        power = "1"
        if len(factor) == 3 and factor[1].shown == "^":
            power = factor.pop().shown
            factor.pop()
        if len(factor) != 1 or not factor[0].name:
            _refuse(text, f"'{words}' is no term")
        if not re.fullmatch(r"[1-9]", power):
            _refuse(text, f"'{words}' is no power", "type x^2, up to x^9")
        seen.append((find(factor[0].name), int(power)))
    if len({column for column, _ in seen}) < len(seen):
        _refuse(text, f"'{words}' has a column twice", "type x^2 for x:x")
    yield from seen


def _refuse(text: str, what: str, hint: str = _HINT) -> NoReturn:
    raise UsageError(f"formula '{text.strip()}': {what}", hint)


Levels = tuple[tuple[Any, ...] | None, ...]


@frozen
class Design:
    """The columns x of a regression: an intercept, if there is one, and the formula's terms.

    labels: of the coefficients, the intercept's left out. products: of each the factors, an input
    of the family and its power, or an input and the code of a level: (place, power, code or -1).
    levels: of each input, None for numbers.
    """

    labels: tuple[str, ...]
    products: tuple[tuple[tuple[int, int, int], ...], ...]
    intercept: bool
    levels: Levels

    @classmethod
    def of(cls, formula: Formula, inputs: Sequence[str], levels: Levels) -> Design:
        """The design of a formula, of what the family reads."""
        levels = levels or (None,) * len(inputs)
        if len(levels) != len(inputs):
            raise ValueError(f"'levels' must have an entry for each of {', '.join(inputs)}")
        labels: list[str] = []
        products: list[tuple[tuple[int, int, int], ...]] = []
        known = {frozenset[Factor]()} if formula.intercept else set[Term]()
        known |= {frozenset(term) for term in formula.terms}
        for term in formula.terms:
            choices = []
            for factor in term:
                column, power = factor
                margin = frozenset(term) - {factor}
                place = inputs.index(column)
                some = levels[place]
                if some is None:
                    choices.append([(_factor(factor), (place, power, -1))])
                    continue
                first = int(margin in known)
                if not margin:  # its levels stand for the intercept
                    known.add(margin)
                choices.append([
                    (f"{quoted(column)}={level}", (place, 1, code))
                    for code, level in enumerate(some) if code >= first
                ])
            for chosen in product(*choices):
                labels.append(":".join(label for label, _ in chosen))
                products.append(tuple(factor for _, factor in chosen))
        return cls(tuple(labels), tuple(products), formula.intercept, levels)

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return len(self.labels) + self.intercept

    def fill(self, values: Array, out: Array) -> Array:
        """Write the design (size, n) of these inputs (d, n) into out."""
        out[: self.intercept] = 1.0
        for row, factors in zip(out[self.intercept :], self.products, strict=True):
            for number, (place, power, code) in enumerate(factors):
                column = values[place]
                if code >= 0:
                    column = (column == code).astype(float)
                elif power > 1:
                    column = column**power
                if number:
                    row *= column
                else:
                    row[:] = column
        return out
