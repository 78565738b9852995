"""Rough parameters of a density of which nothing is known but its values.

The likeliest of many that the data suggest: means, spreads and their multiples, a random lot first,
then parameter by parameter. `density` is a function of x (n,) and parameters (..., K, p).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from emcli.families.parameter import Parameter
from emcli.numerics import Array

# How many are tried, and how often each in turn.
TRIES, SWEEPS = 100, 3
# What is tried for a parameter: these multiples of what the data suggest, these shares of its
# range, and these steps away from the best so far.
MULTIPLES = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0])
SHARES = np.array([0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
STEPS = np.array([-0.7, -0.3, 0.3, 0.7])
# Spreads that a location is tried away from the mean.
AWAY = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
# Units are looked for between 10 to the power of plus and minus this, halving so often.
POWER, HALVINGS = 160.0, 11

Density = Callable[[Array, Array], Array]


def score(density: Density, x: Array, w: Array, values: Array) -> Array:
    """(C, ..., K) log-likelihood of rows (n,), weights (..., K, n), at parameters (C, ..., K, p).

    Minus infinity where it is no finite number.
    """
    found = density(x, values)
    with np.errstate(all="ignore"):
        total = np.where(w > 0, w * found, 0.0).sum(axis=-1)
    return np.where(np.isfinite(total), total, -np.inf)


def likeliest(
    density: Density, parameters: Sequence[Parameter], held: Mapping[str, float], low: float,
    x: Array, w: Array,
) -> Array:
    """(..., K, p) parameters under which rows (n,) with weights (..., K, n) are likely.

    held: those that are known; low: where the support begins.
    """
    choices = [
        np.full((1, *w.shape[:-1]), held[parameter.name]) if parameter.name in held
        else suggested(parameter, low, x, w)
        for parameter in parameters
    ]
    rng = np.random.default_rng(0)
    drawn = [some[rng.integers(0, len(some), TRIES)] for some in choices]
    best = _best(density, x, w, np.stack(drawn, axis=-1))
    for _ in range(SWEEPS):
        for i, parameter in enumerate(parameters):
            if parameter.name in held:
                continue
            with np.errstate(all="ignore"):
                steps = STEPS.reshape(-1, *[1] * (best.ndim - 1))
                near = parameter.bounded(parameter.unbounded(best[..., i]) + steps)
            some = np.concatenate([best[None, ..., i], choices[i], near])
            values = np.repeat(best[None], len(some), axis=0)
            values[..., i] = some
            best = _best(density, x, w, values)
    return best


def _best(density: Density, x: Array, w: Array, values: Array) -> Array:
    """Of parameters (C, ..., K, p) the likeliest for each component."""
    chosen = score(density, x, w, values).argmax(axis=0)[None, ..., None]
    found: Array = np.take_along_axis(values, chosen, axis=0)[0]
    return found


def suggested(parameter: Parameter, low: float, x: Array, w: Array) -> Array:
    """(C, ..., K) values of a parameter that the data suggest."""
    total = w.sum(axis=-1)
    with np.errstate(all="ignore"):
        mean = (w * x).sum(axis=-1) / total
        spread = np.sqrt((w * (x - mean[..., None]) ** 2).sum(axis=-1) / total)
        spread = np.where(spread > 0, spread, np.where(mean != 0, np.abs(mean), 1.0))
        above = np.abs(mean - (low if np.isfinite(low) else 0.0))
        above = np.where(above > 0, above, spread)
        one = np.ones_like(mean)
        sizes = [one, spread, 1 / spread, spread**2, 1 / spread**2, above, 1 / above]
        scaled = np.concatenate([multiple * np.stack(sizes) for multiple in MULTIPLES])
        if parameter.boundless:
            near = [mean + step * spread for step in AWAY]
            return np.concatenate([np.stack([*near, 0 * one]), scaled, -scaled])
        if not np.isfinite(parameter.high):
            return parameter.low + scaled
        if not np.isfinite(parameter.low):
            return parameter.high - scaled
        width = parameter.high - parameter.low
        return np.stack([parameter.low + width * share * one for share in SHARES])


def unit(density: Density, x: Array, w: Array, values: Array, i: int) -> Array:
    """(..., K) how far parameter i goes both ways until the average row loses half a nat."""
    here = score(density, x, w, values[None])[0]
    low, high = np.full(here.shape, -POWER), np.full(here.shape, POWER)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        moved = np.stack([values, values])
        moved[0, ..., i] += 10**middle
        moved[1, ..., i] -= 10**middle
        loss = here - score(density, x, w, moved).mean(axis=0)
        near = loss < 0.5 * w.sum(axis=-1)
        low, high = np.where(near, middle, low), np.where(near, high, middle)
    return np.where(high < POWER, 10**high, 1.0)
