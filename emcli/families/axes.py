"""Orientations: eigenvectors to full relative precision, and axes common to several matrices.

Both turn pairs of axes in their plane (Jacobi), disjoint planes at once. Matrices are
(..., K, d, d); axes are in columns, (..., K, d, d) or, where they are common, (..., d, d).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from emcli.numerics import Array, flat

_ENOUGH = 1e-15  # the gain, per unit of weight, at which the climb stops
_MOST_SWEEPS = 500


def diagonal(matrices: Array) -> Array:
    """(..., d) diagonals of (..., d, d), writable where `matrices` is contiguous."""
    return flat(matrices)[..., :: matrices.shape[-1] + 1]


def eigen(matrices: Array) -> tuple[Array, Array]:
    """Eigenvalues (..., d), largest first, and eigenvectors (..., d, d) in columns.

    LAPACK's small eigenvalues are off by a rounding of the largest; when that is felt (columns
    in very different units) Jacobi rotations give them to full relative precision.
    """
    d = matrices.shape[-1]
    _, axes = np.linalg.eigh(matrices)
    axes = np.ascontiguousarray(axes[..., ::-1])
    rotated = axes.swapaxes(-2, -1) @ matrices @ axes
    values = diagonal(rotated)
    if (values < 1e-7 * values[..., :1]).any():
        for _ in range(3):
            for planes in _rounds(d):
                first, second, across = _in_planes(rotated, planes)
                half = (first - second) / 2
                turn = _turn(half * half - across * across, 2 * half * across, planes, d)
                rotated = turn.swapaxes(-2, -1) @ rotated @ turn
                axes = axes @ turn
        order = np.argsort(-diagonal(rotated), axis=-1)
        axes = np.take_along_axis(axes, order[..., None, :], axis=-1)
        values = np.take_along_axis(diagonal(rotated), order, axis=-1)
    return np.maximum(values, 0), axes


def compose(axes: Array, values: Array) -> Array:
    """D diag(values) Dᵀ, exactly symmetric."""
    half = axes * np.sqrt(values)[..., None, :]
    product = half @ half.swapaxes(-2, -1)
    found: Array = (product + product.swapaxes(-2, -1)) / 2
    return found


def rotate(
    n: Array, scatter: Array, axes: Array, shared_volume: bool
) -> tuple[Array, Array, Array]:
    """The least of Σ_k n_k log|diag V_k| (or, sharing volume, N d log Σ_k |diag V_k|^(1/d)).

    V_k = DᵀW_kD. In one plane (i, j) the product V_ii V_jj is a_k − b_k cos 4θ − c_k sin 4θ, and
    the objective is concave in those products, jointly over disjoint planes: its tangent bounds
    it from above and is least at tan 4θ = Σ ω_k c_k / Σ ω_k b_k. So every turn is downhill.
    Returns the objective (...), the axes D (..., d, d) and the logarithms (..., K, d) of diag V_k.
    """
    d = axes.shape[-1]
    unit = diagonal(scatter).mean(axis=(-2, -1))[..., None, None]
    rotated = _turned(scatter / unit[..., None], axes)
    value, share = _spread(n, diagonal(rotated), shared_volume)
    for _ in range(_MOST_SWEEPS):
        for planes in _rounds(d):
            first, second, across = _in_planes(rotated, planes)
            half, product = (first - second) / 2, first * second
            cosine = (share[..., None] * ((half * half - across * across) / product)).sum(axis=-2)
            sine = (share[..., None] * (2 * half * across / product)).sum(axis=-2)
            turn = _turn(cosine, sine, planes, d)
            rotated = _turned(rotated, turn)
            axes = axes @ turn
            if shared_volume:
                _, share = _spread(n, diagonal(rotated), shared_volume)
        previous = value
        value, share = _spread(n, diagonal(rotated), shared_volume)
        if not (previous - value > _ENOUGH * n.sum(axis=-1)).any():
            break
    return value, axes, np.log(diagonal(rotated)) + np.log(unit)


def _turned(matrices: Array, axes: Array) -> Array:
    """(..., K, d, d) matrices in these axes (..., d, d)."""
    axes = axes[..., None, :, :]
    found: Array = axes.swapaxes(-2, -1) @ matrices @ axes
    return found


def _spread(n: Array, variances: Array, shared_volume: bool) -> tuple[Array, Array]:
    """The objective of `rotate`, and its slope ω (..., K) in each log|diag V_k|."""
    logs = np.log(variances)
    if not shared_volume:
        return np.asarray((n * logs.sum(axis=-1)).sum(axis=-1)), n
    volumes = logs.mean(axis=-1)
    largest = volumes.max(axis=-1)
    share = np.exp(volumes - largest[..., None])
    total = share.sum(axis=-1)
    value = n.sum(axis=-1) * logs.shape[-1] * (largest + np.log(total))
    return np.asarray(value), share / total[..., None]


def common_axes(sigma: Array) -> Array:
    """(..., d, d) axes shared by `sigma`, those of a sum in which no two are likely to tie."""
    unlike = np.sqrt(np.arange(2.0, sigma.shape[-3] + 2)) / diagonal(sigma).sum(axis=-1)
    return eigen((unlike[..., None, None] * sigma).sum(axis=-3))[1]


def _in_planes(matrices: Array, planes: Array) -> Array:
    """(3, ..., P): the entries (i, i), (j, j) and (i, j) of the matrices in each plane (i, j)."""
    return np.moveaxis(flat(matrices)[..., planes[:3]], -2, 0)


def _turn(cosine: Array, sine: Array, planes: Array, d: int) -> Array:
    """Rotations (..., d, d) by a quarter of the angle of (cosine, sine) (..., P)."""
    angle = np.arctan2(sine, cosine) / 4
    entries = np.empty((*angle.shape[:-1], *planes.shape))
    entries[..., 0, :] = entries[..., 1, :] = np.cos(angle)
    entries[..., 3, :] = np.sin(angle)
    entries[..., 2, :] = -entries[..., 3, :]
    turn = np.empty((*angle.shape[:-1], d, d))
    turn[:] = np.eye(d)
    flat(turn)[..., planes] = entries
    return turn


@cache
def _rounds(d: int) -> tuple[Array, ...]:
    """All planes of d axes in rounds of disjoint ones, as a tournament pairs its players.

    Each round is (4, P): where the entries (i, i), (j, j), (i, j) and (j, i) are in a flat matrix.
    """
    players = list(range(d + d % 2))
    rounds = []
    for _ in range(d - 1 + d % 2 if d > 1 else 0):
        half = len(players) // 2
        pairs = zip(players[:half], reversed(players[half:]), strict=True)
        i, j = np.array([sorted(pair) for pair in pairs if max(pair) < d]).T
        rounds.append(np.stack((i * d + i, j * d + j, i * d + j, j * d + i)))
        players.insert(1, players.pop())
    return tuple(rounds)


def match(turns: Array, values: Array) -> tuple[Array, Array]:
    """Order and sign the axes so that `turns`, from the base's axes to them, are small rotations.

    One order serves all components: in EEV and VEV the same place is the same axis of the shape.
    """
    if turns.ndim > 3:
        each = [match(t, v) for t, v in zip(turns, values, strict=True)]
        return np.stack([t for t, _ in each]), np.stack([v for _, v in each])
    alike = (turns * turns).sum(axis=0)
    order = alike.argmax(axis=1)
    if len(set(order.tolist())) < len(order):
        order = np.zeros(len(alike), dtype=int)
        for _ in order:
            row, column = np.unravel_index(alike.argmax(), alike.shape)
            order[row] = column
            alike[row], alike[:, column] = -1, -1
    turns = turns[:, :, order]
    turns = turns * np.where(diagonal(turns) < 0, -1.0, 1.0)[:, None, :]
    for mirrored in np.flatnonzero(np.linalg.det(turns) < 0):
        turns[mirrored][:, turns[mirrored].diagonal().argmin()] *= -1
    return turns, values[:, order]
