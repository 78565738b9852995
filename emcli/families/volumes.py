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
from emcli.numerics import Array, flat

Portions = Callable[[Array], tuple[Array, Array, Array]]

_MOST_STEPS = 500
WIDEST = 500.0  # log volumes further apart than this are on their way to infinity


def common_shape(n: Array, scatter: Array, start: Array | None) -> Array:
    """Variances (..., K, d) from diagonal `scatter`; `start` (..., K) log volumes to begin at."""

    def portions(logs: Array) -> tuple[Array, Array, Array]:
        weighted = np.exp(-logs)[..., None] * scatter
        pooled = weighted.sum(axis=-2, keepdims=True)
        weighted /= pooled
        return np.log(pooled).sum(axis=(-2, -1)), weighted.sum(axis=-1), weighted

    logs = _volumes(n, scatter.shape[-1], portions, start)
    shape = (np.exp(-logs)[..., None] * scatter).sum(axis=-2) / n.sum(axis=-1, keepdims=True)
    return np.exp(logs)[..., None] * shape[..., None, :]


def common_matrix(n: Array, scatter: Array, start: Array | None) -> Array:
    """Covariances (..., K, d, d), multiples of one matrix, from `scatter` (..., K, d, d)."""
    unit = 1 / np.sqrt(diagonal(scatter).sum(axis=-2))
    scaled = scatter * (unit[..., :, None] * unit[..., None, :])[..., None, :, :]

    def portions(logs: Array) -> tuple[Array, Array, Array]:
        weighted = np.exp(-logs)[..., None, None] * scaled
        try:
            factor = np.linalg.cholesky(weighted.sum(axis=-3))
        except np.linalg.LinAlgError:
            raise DegenerateError("the covariance matrix of a component is singular") from None
        whiten = np.linalg.inv(factor)[..., None, :, :]
        weighted = whiten @ weighted @ whiten.swapaxes(-2, -1)
        traces = diagonal(weighted).sum(axis=-1)
        return 2 * np.log(diagonal(factor)).sum(axis=-1), traces, flat(weighted)

    logs = _volumes(n, scatter.shape[-1], portions, start)
    shape = (np.exp(-logs)[..., None, None] * scatter).sum(axis=-3)
    shape /= n.sum(axis=-1)[..., None, None]
    return np.exp(logs)[..., None, None] * shape[..., None, :, :]


def _volumes(n: Array, d: int, portions: Portions, start: Array | None) -> Array:
    """Log volumes (..., K), up to a constant, by Newton's method.

    With C = Σ_k W_k/λ_k, `portions` gives log|C|, the traces (..., K) of P_k = C^(−½) W_k/λ_k
    C^(−½), and the P_k flattened (..., K, ·). A step that fails is replaced by the alternating
    update of Celeux & Govaert, which cannot fail. Stacked ones go on until all are there.
    """
    total = n.sum(axis=-1, keepdims=True)
    logs = np.zeros_like(n) if start is None else start - start.mean(axis=-1, keepdims=True)
    pooled, traces, parts = portions(logs)
    for _ in range(_MOST_STEPS):
        gradient = d * n - total * traces
        hessian = (d / n.shape[-1]) - parts @ parts.swapaxes(-2, -1)  # fixes the free direction
        diagonal(hessian)[:] += traces
        try:
            step = -np.linalg.solve(hessian, gradient[..., None])[..., 0] / total
        except np.linalg.LinAlgError:
            step = _alternating(n, d, traces)
        # What a step leaves is about its square.
        if (np.abs(_inner(gradient, step)) <= 1e-14 * total).all():
            return logs + step
        step *= np.minimum(1.0, 3.0 / np.abs(step).max(axis=-1, keepdims=True))
        proposal = portions(logs + step)
        worse = total * (proposal[0] - pooled)[..., None] + d * _inner(n, step) > 0
        if worse.any():
            step = np.where(worse, _alternating(n, d, traces), step)
            proposal = portions(logs + step)
        logs = logs + step
        pooled, traces, parts = proposal
        if not np.abs(logs).max() < WIDEST:
            break
    component = int(np.argmin(logs)) % n.shape[-1]
    raise DegenerateError("the volume of a component goes to zero", component)


def _inner(one: Array, other: Array) -> Array:
    """(..., 1) inner products."""
    found: Array = (one * other).sum(axis=-1, keepdims=True)
    return found


def _alternating(n: Array, d: int, traces: Array) -> Array:
    """The step of Celeux & Govaert: log λ_k to its best value given C."""
    if not (traces > 0).all():
        component = int(np.argmin(traces > 0)) % n.shape[-1]
        raise DegenerateError("a component has no variance", component)
    step: Array = np.log(n.sum(axis=-1, keepdims=True) * traces / (d * n))
    return step
