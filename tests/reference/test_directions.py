"""Turtles' directions: 76 of them after laying their eggs (Gould's data; Fisher 1993, B3).

Maximised directly by SciPy 1.17 from many starts, the log-likelihoods recomputed by scipy.stats;
angles from 0 to 360 degrees. With three components higher likelihoods are known, of spikes.
"""

from __future__ import annotations

import numpy as np
import pytest

import emcli

from . import table

# k: log-likelihood, and weight, mean direction in degrees and concentration of each component.
TURTLES = {
    1: (-119.54452066404535, [(1.0, 64.17134387535246, 1.1502248045986057)]),
    2: (-105.41044124368827, [(0.8366214873508075, 63.47161157177351, 2.6186479860060135),
                              (0.16337851264919245, 241.20328243854033, 8.447018053711664)]),
    3: (-105.13320342722433, [(0.5049398513980664, 63.21296186240328, 1.8078020725036927),
                              (0.34080638431480764, 63.620407399705734, 5.431771921275419),
                              (0.15425376428712587, 240.80335009625318, 9.327256362962933)]),
}  # fmt: skip


def components(fitted: emcli.api.Fitted) -> list[tuple[float, list[float], list[float]]]:
    """Weight, mean direction and concentration of each."""
    found = []
    for component in fitted.mixture.to_dict():
        (block,) = component["distributions"]
        mean, kappa = block["mean_direction"], block["concentration"]
        found.append((component["weight"], mean, np.atleast_1d(kappa).tolist()))
    return found


@pytest.mark.parametrize("k", TURTLES)
@pytest.mark.parametrize("unit", ["degrees", "radians"])
def test_turtles_by_default_options(k: int, unit: str) -> None:
    frame, model, turn = table("turtles"), "vonmises(degrees)", 360.0
    if unit == "radians":
        frame, model, turn = np.deg2rad(frame), "vonmises", 2 * np.pi
    fitted = emcli.fit(frame, model=model, k=k)
    best, known = TURTLES[k]
    assert fitted.fit["converged"] and fitted.fit["free_parameters"] == 3 * k - 1
    assert fitted.fit["log_likelihood"] == pytest.approx(best, abs=1e-6)
    for (weight, mean, kappa), wanted in zip(components(fitted), known, strict=True):
        assert weight == pytest.approx(wanted[0], abs=1e-4)
        assert mean == pytest.approx([wanted[1] * turn / 360], rel=1e-5)
        assert kappa == pytest.approx([wanted[2]], rel=1e-4)


@pytest.mark.parametrize("k", [1, 2])
def test_turtles_as_vectors(k: int) -> None:
    """In the plane von Mises and Fisher give the same: the circle is their sphere."""
    angles = np.deg2rad(table("turtles")["degrees"].to_numpy())
    fitted = emcli.fit(
        np.column_stack([np.cos(angles), np.sin(angles)]), model="vonmisesfisher", k=k
    )
    best, known = TURTLES[k]
    assert fitted.fit["free_parameters"] == 3 * k - 1
    assert fitted.fit["log_likelihood"] == pytest.approx(best, abs=1e-6)
    for (weight, mean, kappa), wanted in zip(components(fitted), known, strict=True):
        assert weight == pytest.approx(wanted[0], abs=1e-4)
        angle = np.rad2deg(np.arctan2(mean[1], mean[0])) % 360
        assert angle == pytest.approx(wanted[1], rel=1e-5)
        assert kappa == pytest.approx([wanted[2]], rel=1e-4)


def test_bic_takes_two_groups_of_turtles() -> None:
    assert emcli.fit(table("turtles"), model="vonmises(degrees)", k="1-4").mixture.k == 2
