"""The 14 covariance structures Σ_k = λ_k D_k A_k D_kᵀ and their M steps.

λ_k is the volume (|Σ_k|^(1/d)), A_k the shape (diagonal, |A_k| = 1) and D_k the orientation. A
name has a letter for each of the three: E, the same for all components; V, varying; I, identity
(VEI: own volumes, one shape, axes parallel to the columns). Celeux & Govaert (1995), Pattern
Recognition 28; EVE and VVE: Browne & McNicholas (2014), Statistics and Computing 24.

All an M step needs is n_k, the summed responsibilities, and W_k = Σ_i r_ik (x_i − μ_k)(x_i − μ_k)ᵀ.
It maximises Σ_k −½ [n_k log|Σ_k| + tr(Σ_k⁻¹ W_k)]. Nothing is clamped or jittered: an empty or
singular component is a `DegenerateError`. Volumes and determinants are handled as logarithms.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from emcli.errors import DegenerateError, UsageError
from emcli.families.axes import common_axes, compose, diagonal, eigen, match, rotate
from emcli.families.volumes import WIDEST, common_matrix, common_shape
from emcli.numerics import Array

STRUCTURES: tuple[str, ...] = (
    "EII", "VII", "EEI", "VEI", "EVI", "VVI",
    "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV",
)  # fmt: skip
ALIASES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
ONE_COLUMN = {"E": "EII", "V": "VII"}
AXIS_ALIGNED = frozenset(name for name in STRUCTURES if name[2] == "I")
SHARES_VOLUME_AND_SHAPE = frozenset({"EII", "EEI", "EEE", "EEV"})

# What maps a structure onto itself, so that the fit moves with the data: Σ → BΣBᵀ for any B
# ("affine"), for diagonal B ("columns"), or for multiples of rotations only ("similarity").
INVARIANCE = dict.fromkeys(STRUCTURES, "similarity")
INVARIANCE |= dict.fromkeys(("VVV", "EEE", "VEE", "EVV"), "affine")
INVARIANCE |= dict.fromkeys(("EEI", "VEI", "EVI", "VVI"), "columns")

_SINGULAR = 1e-13  # a pivot over its diagonal entry, 1 − R²: what rounding leaves of zero


def canonical(name: str, d: int) -> str:
    """The structure meant by `name` (a structure, an alias, or E and V) for `d` columns.

    Raises UsageError for an unknown name, and for E or V with more than one column.
    """
    if name in ONE_COLUMN:
        if d > 1:
            raise UsageError(
                f"the structure '{name}' is for one column, not {d}", f"say {ONE_COLUMN[name]}"
            )
        return ONE_COLUMN[name]
    structure = ALIASES.get(name, name)
    if structure not in STRUCTURES:
        known = (*STRUCTURES, *ALIASES, *ONE_COLUMN)
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        raise UsageError(f"unknown covariance structure '{name}'", hint)
    return structure


def free_parameters(structure: str, k: int, d: int) -> int:
    """Number of free parameters of `k` covariance matrices of order `d` (means not counted)."""
    copies = {"E": 1, "V": k, "I": 0}
    volume, shape, orientation = (copies[letter] for letter in structure)
    return volume + shape * (d - 1) + orientation * d * (d - 1) // 2


def covariances(structure: str, n: Array, scatter: Array, current: Array | None = None) -> Array:
    """The M step: the covariances that maximise the expected log-likelihood.

    `n` (K,) sums of responsibilities; `scatter` (K, d, d), or (K, d), its diagonals, if the
    structure is in `AXIS_ALIGNED`; `current` and the result are covariances of the same shape as
    `scatter`. EVE and VVE climb from `current`, so never end below it, and VEI, VEE, VEV only
    start there, theirs being convex. Raises DegenerateError when a component is empty or singular.
    """
    _refuse_empty(n)
    return _M_STEPS[structure](n, scatter, current)


# Refusals


def _refuse_empty(n: Array) -> None:
    least = np.finfo(float).eps * n.sum()
    if not (n > least).all():
        raise DegenerateError("a component is empty", int(np.argmin(n > least)))


def _refuse_flat(variances: Array, shared: bool = False) -> Array:
    """`variances` (K, ...), if all of them are above zero."""
    if not (variances > 0).all():
        bad = np.flatnonzero(~(variances > 0).reshape(len(variances), -1).all(axis=1))
        raise DegenerateError("a component has no variance", None if shared else int(bad[0]))
    return variances


def _refuse_singular(matrices: Array, shared: bool = False) -> Array:
    """Diagonals (K, d) of the Cholesky factors; near singularity judged free of columns' units."""
    try:
        pivots: Array = diagonal(np.asarray(np.linalg.cholesky(matrices), dtype=np.float64))
        good = pivots * pivots > _SINGULAR * diagonal(matrices)
        if good.all():
            return pivots
        component = int(np.argmin(good.all(axis=1)))
    except np.linalg.LinAlgError:
        if len(matrices) > 1:
            for k in range(len(matrices)):
                try:
                    _refuse_singular(matrices[k : k + 1])
                except DegenerateError as error:
                    raise DegenerateError(error.sentence, None if shared else k) from None
        component = 0
    raise DegenerateError(
        "the covariance matrix of a component is singular", None if shared else component
    )


def _alike(one: Array, k: int) -> Array:
    """`one`, for each of `k` components."""
    everyone = np.empty((k, *one.shape))
    everyone[:] = one
    return everyone


# Axis-aligned: `scatter` (K, d) holds diagonals


def _eii(n: Array, scatter: Array, current: Array | None) -> Array:
    d = scatter.shape[1]
    return _alike(
        _refuse_flat(scatter.sum(keepdims=True) / (n.sum() * d), shared=True)[0].repeat(d), len(n)
    )


def _vii(n: Array, scatter: Array, current: Array | None) -> Array:
    d = scatter.shape[1]
    return (_refuse_flat(scatter.sum(axis=1)) / (d * n))[:, None].repeat(d, axis=1)


def _eei(n: Array, scatter: Array, current: Array | None) -> Array:
    return _alike(_refuse_flat(scatter.sum(axis=0) / n.sum(), shared=True), len(n))


def _vvi(n: Array, scatter: Array, current: Array | None) -> Array:
    return _refuse_flat(scatter) / n[:, None]


def _evi(n: Array, scatter: Array, current: Array | None) -> Array:
    logs = np.log(_refuse_flat(scatter))
    widest = np.ptp(logs, axis=1)
    if not (widest < WIDEST).all():
        raise DegenerateError("a component has no variance", int(np.argmax(widest)))
    return np.exp(logs + _volume_changes(logs.mean(axis=1), n.sum())[:, None])


def _vei(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_flat(scatter.sum(axis=0)[None], shared=True)
    _refuse_flat(scatter.sum(axis=1))
    start = None if current is None else np.log(current).mean(axis=1)
    return common_shape(n, scatter, start)


def _volume_changes(logs: Array, total: float) -> Array:
    """Logarithms (K,) of what gives scatters of log volume `logs` (K,) the best common volume."""
    largest = logs.max()
    if not largest - logs.min() < WIDEST:
        raise DegenerateError("a component has no variance", int(np.argmin(logs)))
    return largest + np.log(np.exp(logs - largest).sum() / total) - logs


# One matrix for all, or one each


def _eee(n: Array, scatter: Array, current: Array | None) -> Array:
    pooled = scatter.sum(axis=0) / n.sum()
    _refuse_singular(pooled[None], shared=True)
    return _alike(pooled, len(n))


def _vvv(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_singular(scatter)
    return scatter / n[:, None, None]


def _evv(n: Array, scatter: Array, current: Array | None) -> Array:
    logs = _log_volumes(scatter)
    return scatter * np.exp(_volume_changes(logs, n.sum()))[:, None, None]


def _vee(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_singular(scatter.sum(axis=0)[None], shared=True)
    _refuse_flat(diagonal(scatter).sum(axis=1))
    sigma = common_matrix(n, scatter, None if current is None else _log_volumes(current))
    _refuse_singular(sigma[:1], shared=True)
    return sigma


def _log_volumes(sigma: Array) -> Array:
    return 2 * np.log(_refuse_singular(sigma)).mean(axis=1)


# Own orientations, common shape: the largest axis of one goes with the largest of the others


def _eev(n: Array, scatter: Array, current: Array | None) -> Array:
    values, axes = eigen(scatter)
    shape = _refuse_flat(values.sum(axis=0)[None] / n.sum(), shared=True)
    sigma = compose(axes, shape)
    _refuse_singular(sigma, shared=True)
    return sigma


def _vev(n: Array, scatter: Array, current: Array | None) -> Array:
    values, axes = eigen(scatter)
    start = None if current is None else _log_volumes(current)
    _refuse_flat(values.sum(axis=0)[None], shared=True)
    _refuse_flat(values.sum(axis=1))
    sigma = compose(axes, common_shape(n, values, start))
    _refuse_singular(sigma)
    return sigma


# Common orientation


def _eve(n: Array, scatter: Array, current: Array | None) -> Array:
    return _common_orientation(n, scatter, current, shared_volume=True)


def _vve(n: Array, scatter: Array, current: Array | None) -> Array:
    return _common_orientation(n, scatter, current, shared_volume=False)


def _common_orientation(
    n: Array, scatter: Array, current: Array | None, shared_volume: bool
) -> Array:
    """Climb from the axes of `current`; without it, from several, and the best is kept."""
    _refuse_singular(scatter)
    if current is not None:
        starts = [common_axes(current)]
    else:
        pooled = scatter.sum(axis=0)[None]
        starts = list(eigen(np.concatenate((pooled, scatter)))[1])
    climbs = [rotate(n, scatter, axes, shared_volume) for axes in starts]
    _, axes, logs = min(climbs, key=lambda climb: climb[0])
    if shared_volume:
        logs = logs + _volume_changes(logs.mean(axis=1), n.sum())[:, None]
    else:
        logs = logs - np.log(n)[:, None]
    sigma = compose(axes, np.exp(logs))
    _refuse_singular(sigma)
    return sigma


_M_STEPS: dict[str, Callable[[Array, Array, Array | None], Array]] = {
    "EII": _eii, "VII": _vii, "EEI": _eei, "VEI": _vei, "EVI": _evi, "VVI": _vvi, "EEE": _eee,
    "VEE": _vee, "EVE": _eve, "VVE": _vve, "EEV": _eev, "VEV": _vev, "EVV": _evv, "VVV": _vvv,
}  # fmt: skip


# The chart


def to_vector(structure: str, sigma: Array, base: Array | None = None) -> Array:
    """Unconstrained coordinates of `sigma` near `base` (by default itself), without units.

    Every structure is a linear subspace of its coordinates, so straight lines through points of
    it stay in it. Axis-aligned: log variances. The affine structures: the matrix logarithm of
    L_k⁻¹ Σ_k L_k⁻ᵀ, where base_k = L_k L_kᵀ, which is zero at the base. The others: log
    eigenvalues, then the Cayley coordinates of the orientations, zero at the base's.
    Raises numpy.linalg.LinAlgError when `sigma` or `base` is not positive definite.
    """
    if structure in AXIS_ALIGNED:
        return np.log(sigma).ravel()
    base = sigma if base is None else base
    if INVARIANCE[structure] == "affine" and sigma is base:
        return np.zeros(sigma.size)
    if INVARIANCE[structure] == "affine":
        whiten = np.linalg.inv(np.linalg.cholesky(base))
        values, axes = np.linalg.eigh(whiten @ sigma @ np.swapaxes(whiten, 1, 2))
        return ((axes * _logarithm(values)[:, None, :]) @ np.swapaxes(axes, 1, 2)).ravel()
    values, axes = _oriented(structure, sigma)
    _, origin = _oriented(structure, base)
    turns, values = match(np.swapaxes(origin, 1, 2) @ axes, values)
    one = np.eye(sigma.shape[1])
    skew = np.linalg.solve(one + turns, one - turns)
    angles = skew[:, *np.tril_indices(len(one), -1)]
    return np.concatenate((_logarithm(values).ravel(), angles.ravel()))


def from_vector(structure: str, vector: Array, base: Array) -> Array:
    """The covariances, shaped like `base`, with those coordinates.

    Raises ValueError for coordinates out of all range (or not finite).
    """
    if not np.isfinite(vector).all():
        raise ValueError("coordinates that are not finite")
    if structure in AXIS_ALIGNED:
        return _exponential(vector).reshape(base.shape)
    if INVARIANCE[structure] == "affine":
        values, axes = np.linalg.eigh(vector.reshape(base.shape))
        return compose(np.linalg.cholesky(base) @ axes, _exponential(values))
    k, d, _ = base.shape
    _, origin = _oriented(structure, base)
    skew = np.zeros_like(origin)
    rows, columns = np.tril_indices(d, -1)
    skew[:, rows, columns] = vector[k * d :].reshape(len(origin), -1)
    skew -= np.swapaxes(skew, 1, 2)
    turns = np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)
    return compose(origin @ turns, _exponential(vector[: k * d]).reshape(k, d))


def _logarithm(eigenvalues: Array) -> Array:
    if not (eigenvalues > 0).all():
        raise np.linalg.LinAlgError("not positive definite")
    return np.log(eigenvalues)


def _exponential(logs: Array) -> Array:
    if not (np.abs(logs) < 700).all():
        raise ValueError("variances out of range")
    return np.exp(logs)


def _oriented(structure: str, sigma: Array) -> tuple[Array, Array]:
    """Eigenvalues (K, d), and axes (K, d, d), or (1, d, d) where the orientation is common."""
    if structure[2] == "V":
        return eigen(sigma)
    axes = common_axes(sigma)
    return diagonal(axes.T @ sigma @ axes), axes[None]
