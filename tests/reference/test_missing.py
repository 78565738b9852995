"""Missing cells: the maximum of the exact observed-data likelihood.

The tables are faithful and penguins with holes made at random (about 10 and 12 % of the cells); the
values are those of direct maximisation and of an EM of its own, which agree to 1e-9.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emcli
from emcli.errors import DegenerateError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.gaussian import Gaussian
from emcli.mixture import Model
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

HERE = Path(__file__).parent / "missing"
CASES = json.loads((HERE / "cases.json").read_text())
COLUMNS = {
    "faithful": ["eruptions", "waiting"],
    "penguins": ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"],
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['table']} {c['model']} {c['k']}")
def test_reaches_the_maximum_of_what_was_observed(case: dict) -> None:
    frame = pd.read_csv(HERE / f"{case['table']}.csv")[COLUMNS[case["table"]]]
    fitted = emcli.fit(frame, model=case["model"], k=case["k"])
    assert fitted.fit["converged"] and fitted.fit["rows"] == len(frame.dropna(how="all"))
    assert fitted.fit["missing_cells"] == int(frame.isna().sum().sum())
    assert fitted.fit["log_likelihood"] == pytest.approx(case["log_likelihood"], abs=1e-4)
    assert fitted.fit["free_parameters"] == case["free_parameters"]
    np.testing.assert_allclose(fitted.mixture.weights, case["weights"], atol=1e-4)
    means = [c["distributions"][0]["mean"] for c in fitted.mixture.to_dict()]
    np.testing.assert_allclose(means, case["means"], rtol=1e-3)


@pytest.mark.parametrize("structure", ["VEV", "EVE", "EEE", "VVV"])
def test_assign_and_score_use_what_is_there(structure: str) -> None:
    """The colours and densities of rows with holes are those of the marginal."""
    whole = pd.read_csv(HERE / "penguins.csv")[COLUMNS["penguins"]]
    fitted = emcli.fit(whole, model=f"gaussian:{structure}", k=2, starts=3)
    only = whole[["bill_depth_mm", "body_mass_g"]].assign(bill_length_mm=np.nan)
    only = only.assign(flipper_length_mm=np.nan)[COLUMNS["penguins"]].dropna(how="all")
    components = fitted.mixture.to_dict()
    for component in components:
        block = component["distributions"][0]
        keep = [1, 3]
        block["mean"] = [block["mean"][i] for i in keep]
        block["covariance"] = [[block["covariance"][i][j] for j in keep] for i in keep]
        block["columns"] = [COLUMNS["penguins"][i] for i in keep]
    marginal = type(fitted.mixture).from_dict(components, "gaussian:VVV")
    ready = marginal.seeing(np.full((2, 1), np.nan), marginal.inputs)
    values = only[["bill_depth_mm", "body_mass_g"]].to_numpy(float).T
    r, density = ready.at(marginal.inputs).posterior(Block(values))
    score = fitted.score(only)
    np.testing.assert_allclose(score.log_density, density, rtol=1e-9)
    colours = np.array(fitted.mixture.colours)[r.argmax(axis=0)]
    assert (fitted.assign(only)["colour"].to_numpy() == colours).all()


def test_a_column_that_is_missing_in_all_rows_of_a_component_is_named() -> None:
    """Nothing is known of it there: not a number out of thin air."""
    rng = np.random.default_rng(0)
    values = np.array([
        np.r_[rng.normal(0, 1, 60), rng.normal(50, 1, 60)],
        np.r_[rng.normal(0, 1, 60), np.full(60, np.nan)],
    ])
    source = MemorySource(values, ("a", "b"))
    r = np.vstack([values[0] < 25, values[0] > 25]).astype(float)
    for structure in ("VVI", "VVV", "EEE"):
        model = Model((Part(Gaussian, ("a", "b"), structure, incomplete=(1,)),))
        with pytest.raises(DegenerateError, match="component 2 holds no row where 'b'"):
            model.estimate(source.all(), ("a", "b"), r)
        start = model.estimate(source.all(), ("a", "b"), 0.8 * r + 0.1)
        run = alone(start, source, Stopping())
        assert run.trouble and "'b' was observed" in run.trouble.sentence
