"""Columns of which only a part was seen, under the laws: values outside a range never recorded.

Of intervals the file knows nothing, so that not every law can hold of them; see `test_intervals`.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.gaussian import Gaussian
from emcli.families.interval import Interval
from emcli.families.poisson import Poisson

from ..example import Example, Row


def _normal(entry, x):
    found = stats.norm(entry["mean"][0], np.sqrt(entry["variance"][0]))
    return found.logpdf(x) - np.log(found.cdf(10.5) - found.cdf(-1.5))


def _poisson(entry, x):
    found = stats.poisson(entry["rate"][0])
    return found.logpmf(x) - found.logsf(0)


GAUSSIAN = Example(
    Interval.part(Part(Gaussian, ("a",), "V"), "", -1.5, 10.5),
    [{"mean": [mean], "variance": [variance], "truncated_below": [-1.5], "truncated_above": [10.5]}
     for mean, variance in ((0.0, 1.0), (4.5, 1.5), (10.0, 0.8))],
    _normal,
)
POISSON = Example(
    Interval.part(Part(Poisson, ("visits",)), "", 1.0, np.inf),
    [{"rate": [rate], "truncated_below": [1.0]} for rate in (1.0, 9.0, 30.0)],
    _poisson,
    (np.arange(1.0, 120.0),),
)
ROWS = [
    Row("truncated gaussian:V", (GAUSSIAN,), {"truncated": "-1.5,10.5"}),
    Row("truncated poisson", (POISSON,), {"truncated": "1,"}),
]
