"""The columns of a table that the blocks of a model choose from."""

from __future__ import annotations

from emcli.columns.facts import Facts
from emcli.columns.partly import partly
from emcli.columns.selection import listed, select, single
from emcli.errors import InputError
from emcli.frozen import frozen
from emcli.settings import Selecting
from emcli.tables.table import Table


@frozen
class Pool:
    """The columns a block without columns may take.

    named: they were asked for with -c, so every one of them has to be used.
    """

    facts: Facts
    names: tuple[str, ...]
    named: bool
    barred: frozenset[str]  # --id, --weight, --labels, --truth and -x

    @classmethod
    def of(cls, table: Table, selecting: Selecting) -> Pool:
        asked = (selecting.id, selecting.weight, selecting.labels, selecting.truth)
        roles = [spec for spec in asked if spec is not None]
        barred = {single(table.names, spec) for spec in roles}
        seen = partly(table.names, selecting)
        barred.update(name for one in seen.values() for name in (one.lower, one.beside))
        barred.difference_update(seen)
        facts = Facts(table, seen)
        barred.update(select(facts.names, selecting.exclude))
        wanted = select(facts.names, selecting.columns) if selecting.columns else facts.names
        names = tuple(name for name in wanted if name not in barred)
        if not names:
            raise InputError(
                f"{table.label} has no column left", f"its columns are {listed(table.names)}"
            )
        return cls(facts, names, bool(selecting.columns), frozenset(barred))
