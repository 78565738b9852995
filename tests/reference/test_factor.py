"""Factor analysers against the likelihood climbed directly, by SciPy, over all its parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import emcli

from . import table

MEASURED = {
    "iris": ["sepal_length", "sepal_width", "petal_length", "petal_width"],
    "penguins": ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"],
}
LOG_2PI = np.log(2 * np.pi)


def climbed(rows: np.ndarray, k: int, q: int, labels: np.ndarray) -> float:
    """The highest log-likelihood (rows (n, d)) that L-BFGS finds, begun from these groups.

    Uniquenesses are squares, so that nought is a point like any other.
    """
    n, d = rows.shape
    sd = rows.std(axis=0)
    z = (rows - rows.mean(axis=0)) / sd
    cuts = np.cumsum([k, k * d, k * d * q])

    def downhill(v: np.ndarray) -> tuple[float, np.ndarray]:
        heads, means, loadings, roots = np.split(v, cuts)
        means, roots = means.reshape(k, d), roots.reshape(k, d)
        loadings, logs = loadings.reshape(k, d, q), heads - logsumexp(heads)
        joint, kept = np.empty((k, n)), []
        for j in range(k):
            sigma = loadings[j] @ loadings[j].T + np.diag(roots[j] ** 2)
            precision, away = np.linalg.inv(sigma), z - means[j]
            pulled = away @ precision
            size = (pulled * away).sum(axis=1) + np.linalg.slogdet(sigma)[1] + d * LOG_2PI
            joint[j] = logs[j] - size / 2
            kept.append((precision, pulled))
        each = logsumexp(joint, axis=0)
        r = np.exp(joint - each)
        slopes = [r.sum(axis=1) - n * np.exp(logs)]
        bends = [
            ((pulled * r[j, :, None]).T @ pulled - r[j].sum() * precision) / 2
            for j, (precision, pulled) in enumerate(kept)
        ]
        slopes += [r[j] @ pulled for j, (_, pulled) in enumerate(kept)]
        slopes += [2 * bends[j] @ loadings[j] for j in range(k)]
        slopes += [2 * bends[j].diagonal() * roots[j] for j in range(k)]
        return -each.sum(), -np.concatenate([np.ravel(slope) for slope in slopes])

    best = -np.inf
    for seed in range(4):
        rng = np.random.default_rng(seed)
        groups = [z[labels == j] for j in range(k)]
        start = np.concatenate([
            np.zeros(k), *(group.mean(axis=0) for group in groups),
            rng.normal(scale=0.4, size=k * d * q),
            *(group.std(axis=0) * rng.uniform(0.5, 0.9, d) for group in groups),
        ])
        found = minimize(
            downhill, start, jac=True, method="L-BFGS-B",
            options={"maxiter": 5000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-9},
        )
        best = max(best, -found.fun)
    return float(best - n * np.log(sd).sum())


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("k", [1, 2])
def test_the_highest_likelihood_is_reached(name: str, k: int) -> None:
    """Of one component a uniqueness is nought (Heywood's case); of two of the irises' too."""
    frame = table(name)[[*MEASURED[name], "species"]].dropna()
    apart = frame.species.isin(["setosa", "Gentoo"]).to_numpy() if k == 2 else np.zeros(len(frame))
    rows = frame[MEASURED[name]].to_numpy(float)
    fitted = emcli.fit(frame[MEASURED[name]], model="factor(q=1)", k=k)
    assert fitted.fit["converged"]
    wanted = climbed(rows, k, 1, apart.astype(int))
    assert fitted.fit["log_likelihood"] == pytest.approx(wanted, abs=1e-6)
    heywood = [what for what in fitted.fit["diagnostics"]["at_a_limit"] if "uniqueness" in what]
    assert len(heywood) == (0 if (name, k) == ("penguins", 2) else 1)


def test_two_factors_of_six_columns() -> None:
    """Both from the same data: two groups of 6 columns, one of which is near Heywood's case."""
    rng = np.random.default_rng(5)
    loadings = rng.normal(size=(2, 6, 2))
    rows = np.vstack([
        mean + rng.normal(size=(150, 2)) @ turn.T + rng.normal(size=(150, 6)) * 0.6
        for mean, turn in zip(([0.0] * 6, [2.0, 0, 1, -2, 0, 1]), loadings, strict=True)
    ])
    fitted = emcli.fit(rows, model="factor(q=2)", k=2)
    wanted = climbed(rows, 2, 2, np.repeat([0, 1], 150))
    assert fitted.fit["log_likelihood"] == pytest.approx(wanted, abs=1e-6)


def test_bic_finds_the_numbers_of_factors_and_of_components() -> None:
    rng = np.random.default_rng(6)
    rows = np.vstack([
        rng.normal(size=8) + rng.normal(size=(250, 2)) @ rng.normal(size=(2, 8))
        + rng.normal(size=(250, 8)) * rng.uniform(0.5, 1.0, 8)
        for _ in range(2)
    ])
    fitted = emcli.fit(rows, model="factor(q=1-3)", k="1-3", starts=3)
    assert fitted.mixture.name == "factor(q=2)" and fitted.mixture.k == 2
    assert len(fitted.selection) == 9
    free = {(row["model"], row["k"]): row["free_parameters"] for row in fitted.selection}
    # Of a component 8 means, 8 q loadings less q (q - 1) / 2 that only turn them, 8 uniquenesses.
    assert free["factor(q=1)", 1] == 24 and free["factor(q=3)", 2] == 2 * (8 + 21 + 8) + 1
