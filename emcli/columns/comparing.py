"""Models side by side: may they be compared, what is each column to all of them, what to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emcli.columns.claims import Claim, Claims, names_of, text_of
from emcli.columns.pool import Pool
from emcli.columns.selection import listed
from emcli.columns.values import Column
from emcli.errors import UsageError
from emcli.families.base import Family
from emcli.grammar import AUTO, Term


def refuse_different(chosen: Sequence[Claims]) -> None:
    """Raise `UsageError` unless every model describes the same columns."""
    first = names_of(chosen[0])
    for claims in chosen[1:]:
        odd = sorted(names_of(claims) ^ first)
        if odd:
            has, lacks = (claims, chosen[0]) if odd[0] in names_of(claims) else (chosen[0], claims)
            raise UsageError(
                f"{text_of(has)} describes column '{odd[0]}' and {text_of(lacks)} does not, so "
                "they cannot be compared",
                "give both the same columns",
            )


def refuse_measures(chosen: Sequence[Claims]) -> None:
    """Raise `UsageError` where one model has a density for a column and another probabilities."""
    seen: dict[str, Claim] = {}
    for claim in (claim for claims in chosen for claim in claims):
        for name in claim.columns:
            other = seen.setdefault(name, claim)
            one, two = other.family, claim.family
            if one.continuous == two.continuous and one.measure != two.measure:
                what = "densities" if one.continuous else "probabilities"
                raise UsageError(
                    f"{one.name} and {two.name} give {what} of '{name}' with respect to "
                    "different measures, so their likelihoods cannot be compared",
                    "compare them one by one",
                )
            if one.continuous != two.continuous:
                density, mass = (one, two) if one.continuous else (two, one)
                raise UsageError(
                    f"{density.name} gives a density of '{name}' and {mass.name} a probability, "
                    "so their likelihoods cannot be compared",
                    "compare densities with densities",
                )


def columns_of(pool: Pool, chosen: Sequence[Claims]) -> tuple[Column, ...]:
    """What each column is, in the table's order."""
    kinds: dict[str, str] = {}
    takers: dict[str, str] = {}
    for claim in (claim for claims in chosen for claim in claims):
        family = claim.family
        for name in claim.columns:
            takers.setdefault(name, family.name)
            kinds[name] = _agreed(pool, name, kinds.get(name, family.kind), family)
            pool.facts.refuse_empty(name)
            if family.continuous:
                pool.facts.refuse_constant(name, family)
    for claim in (claim for claims in chosen for claim in claims):
        for name in claim.beside:
            kinds.setdefault(name, _beside(pool, name, claim.family))
    return tuple(
        pool.facts.learn(name, kinds[name], takers.get(name, ""))
        for name in pool.facts.names if name in kinds
    )


def _beside(pool: Pool, name: str, family: type[Family]) -> str:
    """The kind of a column that a family reads and does not describe."""
    if family.beside != "any":
        return family.beside
    return "real" if pool.facts.number(name) else "category"


def _agreed(pool: Pool, name: str, kind: str, family: Any) -> str:
    """One kind for a column that several models see: codes and counts of 0 and 1 are the same."""
    kinds = {kind, family.kind}
    if len(kinds) == 1:
        return kind
    coded = kinds & {"binary", "category"}
    if coded and kinds - coded and pool.facts.levels(name) != (0, 1):
        raise UsageError(
            f"'{name}' is a number in one model and a category in another", "compare like with like"
        )
    return next(k for k in ("binary", "category", "count", "real") if k in kinds)


def notes_on(
    pool: Pool, chosen: Sequence[Claims], models: Sequence[tuple[Term, ...]]
) -> Iterable[str]:
    """What was left out and why, and what `auto` chose."""
    used = {name for claims in chosen for name in names_of(claims)}
    used |= {name for claims in chosen for claim in claims for name in claim.beside}
    reasons: dict[str, list[str]] = {}
    named = [term.selectors or term.formula for terms in models for term in terms]
    if not all(named):
        families = _open_families(chosen)
        for name in pool.names:
            if name not in used:
                reasons.setdefault(pool.facts.reason(name, families), []).append(name)
    for reason, names in reasons.items():
        quoted = [f"'{name}'" for name in names]
        yield f"left out {listed(quoted, 6)}: {reason}"
    for claims, terms in zip(chosen, models, strict=True):
        if any(term.family == AUTO for term in terms):
            yield "auto: " + ", ".join(
                f"{name} -> {claim.term.family}" for claim in claims for name in claim.columns
            )


def _open_families(chosen: Sequence[Claims]) -> Mapping[str, Any]:
    return {c.term.family: c.family for claims in chosen for c in claims}
