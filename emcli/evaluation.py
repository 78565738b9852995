"""A mixture on blocks of rows: log joint densities, responsibilities, and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import cached_property, lru_cache
from math import prod
from typing import Any, ClassVar

import numpy as np

from emcli.expectation import Expectation
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.frozen import immutable
from emcli.numerics import Array, safe_log, softmax_columns


def places(wanted: Sequence[str], names: Sequence[str]) -> Any:
    """Where the wanted columns lie among names: a slice where they follow each other."""
    found = [names.index(name) for name in wanted]
    if found == list(range(found[0], found[0] + len(found))):
        return slice(found[0], found[0] + len(found))
    return np.array(found)


@immutable
class Evaluation:
    """A mixture, or a stack of them, on blocks of given columns: one matrix product for all.

    Their features are stacked under a row of ones, phi = [1, t_1(x), t_2(x), ...], so that
    log joint = theta @ phi and sums = r @ phi'. Families that are not linear at these parameters,
    or quicker apart unless all features are wanted, add their own (..., K, n) and take their own
    sums.
    """

    weights: Array
    families: tuple[Family, ...]
    names: tuple[str, ...]
    featured: bool = False
    theta: Array = field(init=False)
    travels: ClassVar = True  # to another process

    def __post_init__(self) -> None:
        thetas: list[Array] = [
            family.natural()  # type: ignore[attr-defined]
            for family in self.families if self._by_features(family)
        ]
        constant = safe_log(self.weights) + sum(theta[..., 0] for theta in thetas)
        columns = [constant[..., None], *(theta[..., 1:] for theta in thetas)]
        theta = np.concatenate(columns, axis=-1)
        object.__setattr__(self, "theta", theta)

    def _by_features(self, family: Family) -> bool:
        return family.linear and (self.featured or not family.quicker_alone(self.weights.size))

    @cached_property
    def _places(self) -> list[tuple[Family, Any, slice | None]]:
        """Each family, where its columns lie in a block, and its rows of phi."""
        found: list[tuple[Family, Any, slice | None]] = []
        at = 1
        for family in self.families:
            rows = None
            if self._by_features(family):
                width = family.width  # type: ignore[attr-defined]
                rows, at = slice(at, at + width), at + width
            found.append((family, places(family.inputs, self.names), rows))
        return found

    @cached_property
    def width(self) -> int:
        """Numbers held for each row: what decides how many rows make a block."""
        beside = sum(f.working for f in self.families if not self._by_features(f))
        return self.theta.shape[-1] + self.weights.size + beside

    @property
    def order(self) -> Any:
        """(K * width,) where each of the sums r @ phi' lies in an E step's sums as a vector; of
        linear families, all featured."""
        at: Any = np.arange(self.theta.size).reshape(self.theta.shape)
        each = tuple(at[:, rows] for _, _, rows in self._places)
        return Expectation(np.zeros(()), at[:, 0], each).flat

    def joint(self, block: Block) -> tuple[Array, Array]:
        """log pi_k p_k(x_i) without the base measure (..., K, n), and phi."""
        *lead, k, width = self.theta.shape
        phi = block.array("phi", width, block.n)
        phi[0] = 1.0
        for family, columns, rows in self._places:
            if rows is not None:
                family.features(block.take(columns), phi[rows])  # type: ignore[attr-defined]
        flat = block.array("joint", prod(lead) * k, block.n)
        if width > 1:
            np.matmul(self.theta.reshape(-1, width), phi, out=flat)
        else:  # ones alone: a matrix product takes five times as long
            flat[:] = self.theta.reshape(-1, 1)
        joint = flat.reshape(*lead, k, block.n)
        for family, columns, rows in self._places:
            if rows is None:
                joint += family.log_density(block.take(columns))
        return joint, phi

    def posterior(self, block: Block) -> tuple[Array, Array]:
        """Responsibilities (..., K, n) and log densities without the base measure (..., n)."""
        joint, _ = self.joint(block)
        log_density = softmax_columns(joint)
        return joint, log_density

    def __call__(self, block: Block) -> Expectation:
        """The E step on one block."""
        joint, phi = self.joint(block)
        log_density = softmax_columns(joint)
        if block.weights is None:
            total = log_density.sum(axis=-1)
        else:
            joint *= block.weights
            total = log_density @ block.weights
        sums = (joint.reshape(-1, block.n) @ phi.T).reshape(self.theta.shape)
        statistics = tuple(
            family.statistics(block.take(columns), joint) if rows is None else sums[..., rows]
            for family, columns, rows in self._places
        )
        return Expectation(total, sums[..., 0], statistics)

    def grouped(self, block: Block, groups: int) -> Expectation:
        """The E step of one mixture for so many groups of a block's rows, a stack; who belongs to
        which is as good as chance, and the last few to none."""
        rows = shuffled(block.n)[: block.n // groups * groups].reshape(groups, -1)
        joint, phi = self.joint(block)
        log_density = softmax_columns(joint)[rows].sum(axis=1)
        r = joint[:, rows].swapaxes(0, 1)
        sums = r @ phi[:, rows].transpose(1, 2, 0)
        statistics = tuple(
            np.array([
                family.statistics(block.chosen(own).take(columns), shares)
                for own, shares in zip(rows, r, strict=True)
            ])
            if linear is None else sums[..., linear]
            for family, columns, linear in self._places
        )
        return Expectation(log_density, sums[..., 0], statistics)


@lru_cache(maxsize=4)
def shuffled(n: int) -> Any:
    """The numbers below n in an order that is always the same."""
    return np.random.default_rng(n).permutation(n)
