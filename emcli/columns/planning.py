"""Which columns each block of each model takes, and what kind of column each one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

from emcli.columns.claims import LABELS, Claim, Claims, names_of, text_of
from emcli.columns.comparing import columns_of, notes_on, refuse_different, refuse_measures
from emcli.columns.facts import Facts
from emcli.columns.partly import Partly, truncated
from emcli.columns.pool import Pool
from emcli.columns.selection import listed, select, single
from emcli.columns.values import Column
from emcli.errors import InputError, UsageError
from emcli.families import catalogue
from emcli.families.product import drawing_order
from emcli.frozen import frozen
from emcli.grammar import AUTO, Term
from emcli.settings import Selecting
from emcli.tables.table import Table


@frozen
class Plan:
    """What the models make of a table.

    models: the claims of each model's blocks, kind by kind, `auto` resolved; columns: of
    all models, trials too, in the table's order; notes: what a user should be told; partly: the
    columns that were seen in part.
    """

    models: tuple[Claims, ...]
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    partly: Mapping[str, Partly]

    @property
    def checks(self) -> dict[str, tuple[Any, ...]]:
        """Each column's families, for `encode`."""
        found: dict[str, tuple[Any, ...]] = {}
        for claim in self._claims():
            for name in claim.columns:
                found[name] = (*found.get(name, ()), claim.family)
        return found

    @property
    def trials(self) -> dict[str, str | int]:
        """For each column of successes the column, or number, of its trials."""
        return {
            name: claim.options["trials"]
            for claim in self._claims()
            if "trials" in claim.options
            for name in claim.columns
        }

    def _claims(self) -> Iterable[Claim]:
        return (claim for model in self.models for claim in model)


def plan(table: Table, models: Sequence[tuple[Term, ...]], selecting: Selecting) -> Plan:
    """Give each block of each model its columns, and learn the columns' levels.

    Raises `UsageError` for models that cannot be compared or columns claimed twice, `InputError`
    for columns that are not there, constant or not of the kind that was asked for.
    """
    pool = Pool.of(table, selecting)
    # Every kind of component describes the same columns, as every model does.
    kinds = [kind for terms in models for kind in _kinds(terms)]
    drafts = [_draft(pool, terms) for terms in kinds]
    chosen = [_claims(pool, draft, None) for draft in drafts]
    common = _common(chosen)
    if any(names_of(claims) != common for claims in chosen):
        chosen = [_claims(pool, draft, common) for draft in drafts]
    described = [name for name in pool.facts.names if name in common]
    seen = truncated(pool.facts.partly, described, selecting)
    if seen:
        chosen = [_each_alone(claims, seen) for claims in chosen]
    for claims in chosen:
        drawing_order([(claim.columns, claim.beside) for claim in claims])
    refuse_different(chosen)
    refuse_measures(chosen)
    columns = columns_of(pool, chosen)
    second = [Column(one.second, "real") for one in seen.values() if one.second]
    labels = _labels(pool, selecting)
    notes = tuple(notes_on(pool, chosen, kinds))
    rest = iter(chosen)
    whole = [
        (*(c for _ in _kinds(terms) for c in next(rest)), *(claim for claim, _ in labels))
        for terms in models
    ]
    return Plan(
        tuple(whole), (*columns, *second, *(column for _, column in labels)), notes, seen
    )


def _common(chosen: Sequence[Claims]) -> frozenset[str]:
    return frozenset.intersection(*(names_of(claims) for claims in chosen))


def _each_alone(claims: Claims, seen: Mapping[str, Partly]) -> Claims:
    """The blocks with every column that was seen in part in a block of its own."""
    missing = [name for name in seen if name not in names_of(claims)]
    if missing:
        raise UsageError(
            f"no block of {text_of(claims)} describes '{missing[0]}'",
            "name it in the model; what other columns are described by must be seen whole",
        )
    found: list[Claim] = []
    for claim in claims:
        own = [name for name in claim.columns if name in seen]
        if own:
            from emcli.families.interval import Interval

            Interval.refuse_family(claim.family)
        others = tuple(name for name in claim.columns if name not in seen)
        if own and (others or len(own) > 1) and (
            claim.options or not claim.family.apart(claim.term.variant)
        ):
            raise UsageError(
                f"{claim.term.text} describes '{own[0]}', of which only a part was seen, together "
                "with other columns", "choose a model of independent columns (gaussian:VVI), or "
                f"give it a block: {claim.term.family}({own[0]}) + ...",
            )
        found += [replace(claim, columns=some) for some in (*((name,) for name in own), others)
                  if some]
    return tuple(found)


def _labels(pool: Pool, selecting: Selecting) -> list[tuple[Claim, Column]]:
    """The column of known colours, where there is one, and what describes it."""
    if selecting.labels is None:
        return []
    name = single(pool.facts.table.names, selecting.labels)
    column = pool.facts.learn(name, "category")
    return [(Claim(Term(LABELS), (name,), {"trust": selecting.label_trust}), column)]


def _kinds(terms: tuple[Term, ...]) -> list[tuple[Term, ...]]:
    """A model's terms by the kind of component they describe."""
    return [tuple(t for t in terms if t.kind == kind) for kind in range(terms[-1].kind + 1)]


@frozen
class _Draft:
    """A model's blocks with the columns they name; None where they name none."""

    terms: tuple[Term, ...]
    taken: tuple[tuple[str, ...] | None, ...]
    options: tuple[Mapping[str, Any], ...]
    used: frozenset[str] = field(default=frozenset())


def _draft(pool: Pool, terms: tuple[Term, ...]) -> _Draft:
    names = pool.facts.names
    taken: list[tuple[str, ...] | None] = []
    options: list[Mapping[str, Any]] = []
    beside: list[str] = []
    for term in terms:
        options.append(_options(names, term))
        described: Sequence[str] = ()
        if term.family != AUTO:
            family = catalogue.family(term.family)
            described = family.described(options[-1])
            beside += family.reads((), options[-1])
        if not term.selectors and not described:
            taken.append(None)
            continue
        asked = described or select(names, term.selectors)
        found = tuple(name for name in asked if name not in pool.barred)
        if not found:
            raise UsageError(f"nothing is left for '{term.text}': its columns are excluded")
        taken.append(found)
    used = [name for found in taken for name in found or ()]
    twice = {name for name in used if used.count(name) > 1}
    if twice:
        raise UsageError(
            f"column '{min(twice)}' is in two blocks of one model", "give it to one of them"
        )
    return _Draft(terms, tuple(taken), tuple(options), frozenset([*used, *beside]))


def _options(names: Sequence[str], term: Term) -> Mapping[str, Any]:
    """The arguments of a block that are no columns of its own."""
    if term.family == AUTO:
        return {}
    family = catalogue.family(term.family)
    return family.arguments(dict(term.values), names, partial(single, names))


def _claims(pool: Pool, draft: _Draft, only: frozenset[str] | None) -> Claims:
    """The model's blocks with their columns; open blocks choose from `only`, when given."""
    free = [
        name for name in pool.names if name not in draft.used and (only is None or name in only)
    ]
    still_open = sum(taken is None for taken in draft.taken)
    claims: list[Claim] = []
    for term, taken, options in zip(draft.terms, draft.taken, draft.options, strict=True):
        if taken is None:
            strict = pool.named and still_open == 1
            taken = tuple(free) if strict and term.family != AUTO else _choice(pool, term, free)
            free = [name for name in free if name not in taken]
            still_open -= 1
            if not taken:
                raise _nothing(pool, term, free)
        if term.family == AUTO:
            claims += _resolved(pool, term, taken)
        else:
            claims.append(Claim(term, taken, options))
    if pool.named and free and only is None:
        raise UsageError(
            f"no block of the model takes column '{free[0]}', which -c asks for",
            "name the columns in the blocks, or leave it out of -c",
        )
    return tuple(claims)


def _choice(pool: Pool, term: Term, free: Sequence[str]) -> tuple[str, ...]:
    """The unclaimed columns that a block without columns takes."""
    facts = pool.facts
    open_to = [n for n in free if pool.named or not facts.idle(n)]
    if term.family == AUTO:
        return tuple(n for n in open_to if facts.family(n)) or _idle(pool, term, free)
    family = catalogue.family(term.family)
    found = tuple(n for n in open_to if facts.suits(n, family))
    if not found and family.kind == "category":
        found = tuple(n for n in open_to if facts.suits(n, family, whole_numbers=True))
    return found or _idle(pool, term, free)


def _idle(pool: Pool, term: Term, free: Sequence[str]) -> tuple[str, ...]:
    """What a model takes where it has nothing else.

    Columns that count rows (the values of a frequency table), then constant ones that its
    probabilities can describe.
    """
    facts = pool.facts
    if any(not facts.idle(name) and facts.number(name) for name in free):
        return ()
    counting = [name for name in free if facts.idle(name) == Facts.COUNTS]
    constant = [name for name in free if facts.idle(name) == Facts.CONSTANT]
    if term.family == AUTO:
        return tuple(counting)
    family = catalogue.family(term.family)
    for names in (counting, () if family.continuous else constant):
        if found := tuple(n for n in names if facts.suits(n, family, whole_numbers=True)):
            return found
    return ()


def _nothing(pool: Pool, term: Term, free: Sequence[str]) -> InputError | UsageError:
    """Why a block finds no column: a value outside its support, or none of its kind."""
    table = pool.facts.table
    if term.family == AUTO:
        return InputError(f"{table.label} has no column that a model can use", "say which with -c")
    family = catalogue.family(term.family)
    outside = pool.facts.outside(free, family)
    if outside is not None:
        return outside
    decimal = any(pool.facts.decimal_comma(name) for name in free[:20])
    return InputError(
        f"{table.label} has no column left for {term.family}, which takes {family.support}",
        f"name its columns: {term.family}(COLUMN, ...); there are {listed(table.names)}"
        + (" (if these are numbers with a decimal comma: --decimal ,)" if decimal else ""),
    )


def _resolved(pool: Pool, term: Term, names: Sequence[str]) -> list[Claim]:
    """`auto`: a block for each family its columns need, in the order they appear."""
    groups: dict[str, list[str]] = {}
    for name in names:
        family = pool.facts.family(name)
        if family is None:
            raise InputError(
                f"{pool.facts.table.label}: no model suits column '{name}'", f"leave out '{name}'"
            )
        groups.setdefault(family, []).append(name)
    return [
        Claim(replace(term, family=family, selectors=tuple(found)), tuple(found), {})
        for family, found in groups.items()
    ]
