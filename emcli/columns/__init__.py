"""Columns: selection, kinds and categories, learnt once from a table and replayed on new rows.

select(names, specs)                        names, positions, ranges and globs -> names
plan(table, models, selecting) -> Plan      which columns each block of each model takes
encode(table, columns, selecting, checks)   -> Data: the (d, n) matrix the families see
decode(columns, values)                     and back, for rows that were sampled
"""

from __future__ import annotations

from emcli.columns.encoding import Data, decode, encode
from emcli.columns.partly import Partly
from emcli.columns.planning import Claim, Plan, plan
from emcli.columns.selection import select
from emcli.columns.values import Column

__all__ = ["Claim", "Column", "Data", "Partly", "Plan", "decode", "encode", "plan", "select"]
