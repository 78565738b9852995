"""Frequency weights: the values of the replicated rows, criteria included (mclust 6.0.0).

mclust's own `me.weighted` divides the weights by their largest, so that its likelihood is not that
of the rows.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import emcli

from . import table

WAITING, BOTH = "faithful_waiting_counted", "faithful_weights_123"
# Table, model, k, rows counted by their weights; log-likelihood and BIC.
KNOWN = [
    (WAITING, "gaussian:V", 2, 272, -1034.00174983166, 2096.03250999481),
    (WAITING, "gaussian:E", 2, 272, -1034.00176035783, 2090.42672898085),
    (BOTH, "gaussian:VVV", 1, 543, -2567.12484876818, 5165.73524413604),
    (BOTH, "gaussian:VVV", 2, 543, -2253.35916963023, 4575.98654177974),
    (BOTH, "gaussian:EEE", 3, 543, -2246.08048281838, 4561.42916815603),
]
# Of three components, the best of 98 starts, which one of them found: seven early eruptions.
SEVEN = [
    (0.0255447408406365, 46.0579344113052, 0.55745535256831),
    (0.334653174113899, 55.2368251476421, 30.6651976098163),
    (0.639802085045464, 80.0799859194956, 34.5159134585888),
]


@pytest.mark.parametrize(("name", "model", "k", "total", "value", "bic"), KNOWN)
def test_weights_are_replicated_rows(
    name: str, model: str, k: int, total: int, value: float, bic: float
) -> None:
    weighted = table(name)
    fitted = emcli.fit(weighted, model=model, k=k, weight="weight")
    assert fitted.fit["log_likelihood"] == pytest.approx(value, abs=1e-6)
    assert fitted.fit["bic"] == pytest.approx(bic, abs=1e-5)
    assert (fitted.fit["rows"], fitted.fit["weight_total"]) == (len(weighted), total)
    rows = weighted.loc[np.repeat(weighted.index, weighted["weight"])].drop(columns="weight")
    assert fitted.score(rows).total == pytest.approx(value, abs=1e-6)
    again = emcli.fit(rows, model=model, k=k)
    assert again.fit["log_likelihood"] == pytest.approx(value, abs=1e-6)
    assert again.fit["bic"] == pytest.approx(bic, abs=1e-5)


def test_the_best_of_three_waiting_times_is_a_maximum(tmp_path: Path) -> None:
    """From near it EM ends there, by weights as by rows; it is not spurious."""
    components = [
        {"colour": f"c{i}", "weight": weight, "distributions": [
            {"family": "gaussian", "columns": ["waiting"], "mean": [mean], "variance": [variance]}
        ]}
        for i, (weight, mean, variance) in enumerate(SEVEN)
    ]  # fmt: skip
    start = tmp_path / "start.json"
    start.write_text(json.dumps({"schema": "emcli/model/1", "model": "gaussian:V",
                                 "components": components}))
    for frame, weight in ((table(WAITING), "weight"), (table("faithful")[["waiting"]], None)):
        fitted = emcli.fit(frame, model="gaussian:V", k=3, start=str(start), weight=weight)
        assert fitted.fit["converged"]
        assert fitted.fit["log_likelihood"] == pytest.approx(-1031.54018665259, abs=1e-6)
        assert fitted.fit["bic"] == pytest.approx(2107.92678983554, abs=1e-5)
        np.testing.assert_allclose(np.sort(fitted.mixture.weights), [w for w, _, _ in SEVEN],
                                   atol=1e-4)
