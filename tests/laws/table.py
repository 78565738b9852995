"""The table of families: every law is tried on each of its rows.

To put a family under the laws, add a row to a file of `rows` (see `example`).
"""

from __future__ import annotations

import pytest

from .example import Row, masked, prepared, rough
from .rows import (
    counts,
    directions,
    factor,
    gaussian,
    heavy,
    interval,
    kinds,
    more_counts,
    own,
    positive,
    regression,
)
from .rows.counts import BERNOULLI, POISSON, categorical

__all__ = ["TABLE", "Row", "masked", "prepared", "rough"]

PRODUCTS = [
    Row("VVI+categorical+poisson",
        (gaussian.gaussian("VVI"), categorical(("island",)), POISSON)),
    Row("VVV+bernoulli", (gaussian.gaussian("VVV", ("a", "b")), BERNOULLI)),
]
TABLE = [*gaussian.ROWS, *counts.ROWS, *kinds.ROWS, *heavy.ROWS, *own.ROWS,
         *factor.ROWS, *positive.ROWS, *more_counts.ROWS, *directions.ROWS,
         *regression.ROWS, *interval.ROWS, *PRODUCTS]


def rows(chosen):
    """A law tried on these rows."""
    return pytest.mark.parametrize("row", list(chosen), ids=lambda row: row.name)


every_row = rows(TABLE)
independent_rows = rows(row for row in TABLE if row.independent)
# Of which a block, or what it describes, is there whole or not at all.
undivided_rows = rows(row for row in TABLE if not row.independent)
continuous_rows = rows(row for row in TABLE if row.continuous)
# Where Q is over the colours alone, it is the expected log joint density.
plain_rows = rows(row for row in TABLE if not row.hidden)
# Where one M step maximises Q.
exact_rows = rows(row for row in TABLE if row.exact)
# Where one M step with the colours known is the end.
closed_rows = rows(row for row in TABLE if row.exact and not row.hidden)
