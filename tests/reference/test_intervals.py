"""Binned waiting times of the geyser: the normal mixture's likelihood by direct maximisation."""

import numpy as np
import pytest

import emcli

from . import table

# The sum of count * log(F(upper) - F(lower)), maximised by SciPy from five starts, all at one end.
ONE, TWO = -658.3941488358232, -597.9547187635771


def test_the_table_is_that_of_the_geyser():
    counts, _ = np.histogram(table("faithful").waiting, np.arange(39.5, 100, 5))
    binned = table("waiting_binned")
    assert binned["count"].tolist() == counts.tolist()
    assert binned.lower.tolist() == np.arange(39.5, 99, 5).tolist()


@pytest.mark.parametrize(("k", "value"), [(1, ONE), (2, TWO)])
def test_binned_waiting_times_by_default_options(k, value):
    fitted = emcli.fit(
        table("waiting_binned"), k=k, interval="waiting=lower,upper", weight="count"
    )
    assert fitted.fit["log_likelihood"] == pytest.approx(value, abs=1e-6)
    assert fitted.fit["weight_total"] == 272
    if k == 2:
        means = sorted((fitted.mixture.families[0].to_dict(i)["mean"][0],
                        fitted.mixture.families[0].to_dict(i)["variance"][0] ** 0.5)
                       for i in range(2))
        np.testing.assert_allclose(
            means, [(54.21441746779807, 5.388691218764215), (79.86602939674896, 5.952147800150256)],
            rtol=1e-4,
        )
