"""The positive families on Old Faithful's durations, by default options.

`positive.json` holds what direct maximisation of the likelihood gives (SciPy 1.17.1, best of 30
starts): the log-likelihood, and weights and parameters by increasing mean.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import emcli

from . import HERE, table

CASES = json.loads((HERE / "positive.json").read_text())


def mean(component: dict[str, Any]) -> float:
    """Something that increases with the mean of its one column, whatever the family."""
    (block,) = component["distributions"]
    for key in ("mean", "mu"):
        if key in block:
            return block[key][0]
    return block["scale"][0] * (block["shape"][0] if block["family"] == "gamma" else 1.0)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['column']} {c['family']} {c['k']}")
def test_reaches_the_maximum_with_its_parameters(case: dict[str, Any]) -> None:
    fitted = emcli.fit(table("faithful")[[case["column"]]], model=case["family"], k=case["k"])
    document = json.loads(fitted.to_json())
    assert document["fit"]["converged"]
    assert document["fit"]["free_parameters"] == case["free_parameters"]
    assert document["fit"]["log_likelihood"] == pytest.approx(case["log_likelihood"], abs=1e-3)
    components = sorted(document["components"], key=mean)
    np.testing.assert_allclose([c["weight"] for c in components], case["weights"], rtol=0.01)
    for component, wanted in zip(components, case["parameters"], strict=True):
        block = component["distributions"][0]
        for name, value in wanted.items():
            np.testing.assert_allclose(block[name], [value], rtol=0.01)


def test_exponential_is_one_over_the_mean() -> None:
    waiting = table("faithful")[["waiting"]]
    found = json.loads(emcli.fit(waiting, model="exponential", k=1).to_json())
    m = float(waiting["waiting"].mean())
    assert found["components"][0]["distributions"][0]["rate"] == pytest.approx([1 / m], rel=1e-14)
    assert found["fit"]["log_likelihood"] == pytest.approx(-272 * (np.log(m) + 1), abs=1e-9)
