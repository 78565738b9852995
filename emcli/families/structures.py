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

from collections.abc import Callable
from typing import Any

import numpy as np

from emcli.errors import DegenerateError, UsageError
from emcli.families.axes import common_axes, compose, diagonal, eigen, rotate
from emcli.families.volumes import WIDEST, common_matrix, common_shape
from emcli.numerics import Array, Mask

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
        import difflib

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

    `n` (..., K) sums of responsibilities; `scatter` (..., K, d, d), or (..., K, d), its diagonals,
    if the structure is in `AXIS_ALIGNED`; `current` and the result are covariances of the same
    shape as `scatter`. EVE and VVE climb from `current`, so never end below it, and VEI, VEE, VEV
    only start there, theirs being convex. Raises DegenerateError when a component is empty or
    singular.
    """
    _refuse_empty(n)
    return _M_STEPS[structure](n, scatter, current)


# Refusals


def _refuse_empty(n: Array) -> None:
    full = n > np.finfo(float).eps * n.sum(axis=-1, keepdims=True)
    if not full.all():
        raise DegenerateError("a component is empty", _first(~full))


def _first(bad: Any) -> int:
    """The component of the first True of (..., K)."""
    return int(np.argmax(bad)) % bad.shape[-1]


def _refuse_flat(variances: Array, shared: bool = False) -> Array:
    """`variances` (..., K, *), if all of them are above zero."""
    if not (variances > 0).all():
        bad = ~(variances > 0).all(axis=-1)
        raise DegenerateError("a component has no variance", None if shared else _first(bad))
    return variances


def _refuse_singular(matrices: Array, shared: bool = False) -> Array:
    """Diagonals (..., d) of the Cholesky factors; near singularity is judged free of units."""
    try:
        pivots: Array = diagonal(np.asarray(np.linalg.cholesky(matrices), dtype=np.float64))
        bad = ~(pivots * pivots > _SINGULAR * diagonal(matrices)).all(axis=-1)
        if not bad.any():
            return pivots
    except np.linalg.LinAlgError:
        bad = _indefinite(matrices)
    component = None if shared else _first(bad)
    raise DegenerateError("the covariance matrix of a component is singular", component)


def _indefinite(matrices: Array) -> Mask:
    """(...) which of the matrices have no Cholesky factor."""
    bad = np.zeros(matrices.shape[:-2], dtype=bool)
    for place in np.ndindex(bad.shape):
        try:
            np.linalg.cholesky(matrices[place])
        except np.linalg.LinAlgError:
            bad[place] = True
    return bad


def _alike(one: Array, like: Array) -> Array:
    """`one` (..., 1, *), for each of the components of `like` (..., K, *)."""
    everyone = np.empty_like(like)
    everyone[:] = one
    return everyone


def _total(n: Array) -> Array:
    """(..., 1, 1) sum over the components."""
    return n.sum(axis=-1)[..., None, None]


# Axis-aligned: `scatter` (..., K, d) holds diagonals


def _eii(n: Array, scatter: Array, current: Array | None) -> Array:
    pooled = scatter.sum(axis=(-2, -1), keepdims=True) / (_total(n) * scatter.shape[-1])
    return _alike(_refuse_flat(pooled, shared=True), scatter)


def _vii(n: Array, scatter: Array, current: Array | None) -> Array:
    summed = _refuse_flat(scatter.sum(axis=-1, keepdims=True))
    return _alike(summed / (scatter.shape[-1] * n[..., None]), scatter)


def _eei(n: Array, scatter: Array, current: Array | None) -> Array:
    pooled = scatter.sum(axis=-2, keepdims=True) / _total(n)
    return _alike(_refuse_flat(pooled, shared=True), scatter)


def _vvi(n: Array, scatter: Array, current: Array | None) -> Array:
    return _refuse_flat(scatter) / n[..., None]


def _evi(n: Array, scatter: Array, current: Array | None) -> Array:
    logs = np.log(_refuse_flat(scatter))
    wide = ~(np.ptp(logs, axis=-1) < WIDEST)
    if wide.any():
        raise DegenerateError("a component has no variance", _first(wide))
    return np.exp(logs + _volume_changes(logs.mean(axis=-1), n)[..., None])


def _vei(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_flat(scatter.sum(axis=-2, keepdims=True), shared=True)
    _refuse_flat(scatter.sum(axis=-1, keepdims=True))
    start = None if current is None else np.log(current).mean(axis=-1)
    return common_shape(n, scatter, start)


def _volume_changes(logs: Array, n: Array) -> Array:
    """Logarithms (..., K) of what gives scatters of these log volumes the best common volume."""
    largest = logs.max(axis=-1, keepdims=True)
    narrow = ~(largest - logs < WIDEST)
    if narrow.any():
        raise DegenerateError("a component has no variance", _first(narrow))
    common = np.exp(logs - largest).sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
    return largest + np.log(common) - logs


# One matrix for all, or one each


def _eee(n: Array, scatter: Array, current: Array | None) -> Array:
    pooled = scatter.sum(axis=-3) / _total(n)
    _refuse_singular(pooled, shared=True)
    return _alike(pooled[..., None, :, :], scatter)


def _vvv(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_singular(scatter)
    return scatter / n[..., None, None]


def _evv(n: Array, scatter: Array, current: Array | None) -> Array:
    return scatter * np.exp(_volume_changes(_log_volumes(scatter), n))[..., None, None]


def _vee(n: Array, scatter: Array, current: Array | None) -> Array:
    _refuse_singular(scatter.sum(axis=-3), shared=True)
    _refuse_flat(diagonal(scatter).sum(axis=-1, keepdims=True))
    sigma = common_matrix(n, scatter, None if current is None else _log_volumes(current))
    _refuse_singular(sigma[..., 0, :, :], shared=True)
    return sigma


def _log_volumes(sigma: Array) -> Array:
    return 2 * np.log(_refuse_singular(sigma)).mean(axis=-1)


# Own orientations, common shape: the largest axis of one goes with the largest of the others


def _eev(n: Array, scatter: Array, current: Array | None) -> Array:
    values, axes = eigen(scatter)
    shape = _refuse_flat(values.sum(axis=-2, keepdims=True) / _total(n), shared=True)
    sigma = compose(axes, shape)
    _refuse_singular(sigma, shared=True)
    return sigma


def _vev(n: Array, scatter: Array, current: Array | None) -> Array:
    values, axes = eigen(scatter)
    start = None if current is None else _log_volumes(current)
    _refuse_flat(values.sum(axis=-2, keepdims=True), shared=True)
    _refuse_flat(values.sum(axis=-1, keepdims=True))
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
        begin = common_axes(current)[None]
    else:
        pooled = scatter.sum(axis=-3, keepdims=True)
        begin = np.moveaxis(eigen(np.concatenate((pooled, scatter), axis=-3))[1], -3, 0)
    values, axes, logs = rotate(n, scatter, begin, shared_volume)
    best = values.argmin(axis=0)[None, ..., None, None]
    axes = np.take_along_axis(axes, best, axis=0)[0]
    logs = np.take_along_axis(logs, best, axis=0)[0]
    if shared_volume:
        logs = logs + _volume_changes(logs.mean(axis=-1), n)[..., None]
    else:
        logs = logs - np.log(n)[..., None]
    sigma = compose(axes[..., None, :, :], np.exp(logs))
    _refuse_singular(sigma)
    return sigma


_M_STEPS: dict[str, Callable[[Array, Array, Array | None], Array]] = {
    "EII": _eii, "VII": _vii, "EEI": _eei, "VEI": _vei, "EVI": _evi, "VVI": _vvi, "EEE": _eee,
    "VEE": _vee, "EVE": _eve, "VVE": _vve, "EEV": _eev, "VEV": _vev, "EVV": _evv, "VVV": _vvv,
}  # fmt: skip
