"""Volumes of components that share their shape: the one M step of VEI, VEV and VEE.

With Σ_k = λ_k C/N the best C is Σ_k W_k/λ_k, which leaves N log|C| + d Σ_k n_k log λ_k to be made
least: convex in the log λ_k (log|C| is the logarithm of a posynomial in the 1/λ_k), so Newton's
method finds the one minimum. Source of the alternating update: Celeux & Govaert (1995).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.axes import diagonal
from emcli.numerics import Array

Portions = Callable[[Array], tuple[float, Array, Array]]

_MOST_STEPS = 500
WIDEST = 500.0  # log volumes further apart than this are on their way to infinity


def common_shape(n: Array, scatter: Array, start: Array | None) -> Array:
    """Variances (K, d) from diagonal `scatter` (K, d); `start` (K,) log volumes to begin at."""

    def portions(logs: Array) -> tuple[float, Array, Array]:
        weighted = np.exp(-logs)[:, None] * scatter
        pooled = weighted.sum(axis=0)
        weighted /= pooled
        return float(np.log(pooled).sum()), weighted.sum(axis=1), weighted

    logs = _volumes(n, scatter.shape[1], portions, start)
    return np.exp(logs)[:, None] * ((np.exp(-logs) @ scatter) / n.sum())


def common_matrix(n: Array, scatter: Array, start: Array | None) -> Array:
    """Covariances (K, d, d), multiples of one matrix, from `scatter` (K, d, d)."""
    unit = 1 / np.sqrt(np.einsum("kii->i", scatter))
    scaled = scatter * (unit * unit[:, None])

    def portions(logs: Array) -> tuple[float, Array, Array]:
        weighted = np.exp(-logs)[:, None, None] * scaled
        try:
            factor = np.linalg.cholesky(weighted.sum(axis=0))
        except np.linalg.LinAlgError:
            raise DegenerateError("the covariance matrix of a component is singular") from None
        whiten = np.linalg.inv(factor)
        weighted = whiten @ weighted @ whiten.T
        traces = diagonal(weighted).sum(axis=1)
        return 2 * float(np.log(factor.diagonal()).sum()), traces, weighted.reshape(len(n), -1)

    logs = _volumes(n, scatter.shape[1], portions, start)
    shape = np.tensordot(np.exp(-logs), scatter, 1) / n.sum()
    return np.exp(logs)[:, None, None] * shape


def _volumes(n: Array, d: int, portions: Portions, start: Array | None) -> Array:
    """Log volumes (K,), up to a constant, by Newton's method.

    With C = Σ_k W_k/λ_k, `portions` gives log|C|, the traces (K,) of P_k = C^(−½) W_k/λ_k C^(−½),
    and the P_k flattened (K, ·). A step that fails is replaced by the alternating update of
    Celeux & Govaert, which cannot fail.
    """
    total = n.sum()
    logs = np.zeros(len(n)) if start is None else start - start.mean()
    pooled, traces, parts = portions(logs)
    for _ in range(_MOST_STEPS):
        gradient = d * n - total * traces
        hessian = (d / len(n)) - parts @ parts.T  # the constant fixes the free direction
        diagonal(hessian[None])[0] += traces
        try:
            step = -np.linalg.solve(hessian, gradient) / total
        except np.linalg.LinAlgError:
            step = _alternating(n, d, traces)
        if abs(gradient @ step) <= 1e-14 * total:  # what it leaves is about its square
            return logs + step
        step *= min(1.0, 3.0 / np.abs(step).max())
        proposal = portions(logs + step)
        if total * (proposal[0] - pooled) + d * (n @ step) > 0:
            step = _alternating(n, d, traces)
            proposal = portions(logs + step)
        logs = logs + step
        pooled, traces, parts = proposal
        if not np.abs(logs).max() < WIDEST:
            break
    raise DegenerateError("the volume of a component goes to zero", int(np.argmin(logs)))


def _alternating(n: Array, d: int, traces: Array) -> Array:
    """The step of Celeux & Govaert: log λ_k to its best value given C."""
    if not (traces > 0).all():
        raise DegenerateError("a component has no variance", int(np.argmin(traces > 0)))
    step: Array = np.log(n.sum() * traces / (d * n))
    return step
