"""What a block of a model takes of the table: its claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emcli.families import catalogue
from emcli.families.base import Family
from emcli.frozen import frozen
from emcli.grammar import Term

LABELS = "known"  # the family of --labels, which is none of the model language's


@frozen
class Claim:
    """The columns one block of a model takes, and its options."""

    term: Term
    columns: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def family(self) -> type[Family]:
        """Its family."""
        if self.term.family == LABELS:
            from emcli.families.known import Known

            return Known
        return catalogue.family(self.term.family)

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns it reads beside those it describes."""
        return self.family.reads(self.columns, self.options)[len(self.columns) :]


Claims = tuple[Claim, ...]


def names_of(claims: Claims) -> frozenset[str]:
    """The columns they describe."""
    return frozenset(name for claim in claims for name in claim.columns)


def text_of(claims: Claims) -> str:
    """The model, in the words that were typed."""
    return " + ".join(claim.term.text for claim in claims)
