"""The multivariate normal with the fourteen covariance structures.

log p_k(x) = -1/2 [ (x - mu_k)' Sigma_k^-1 (x - mu_k) + log|Sigma_k| + d log 2 pi ],
Sigma_k = lambda_k D_k A_k D_k', real x. Parameters: mean mu (K, d); covariance Sigma (K, d, d), or
for the six axis-aligned structures the variances (K, d). M step: means analytic, covariances by
`structures` (Celeux & Govaert 1995; Browne & McNicholas 2014). How the quadratic form is
evaluated is `quadratic`'s business; its sums are taken about the origin or about the means. The
mathematics is in `diagonal` and `full`, what they share in `normal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcli.families import structures
from emcli.families.base import Part
from emcli.families.diagonal import Diagonal
from emcli.families.full import Full, Incomplete
from emcli.families.normal import Normal, structure_of
from emcli.numerics import Array

__all__ = ["Diagonal", "Full", "Gaussian", "Incomplete", "Normal", "structure_of"]


class Gaussian(Normal):
    """The family of that name: `Diagonal` where the structure is axis-aligned, else `Full`."""

    @classmethod
    def unknown(cls, part: Part, mean: Array, origin: Array) -> Normal:
        return _kind(part).unknown(part, mean, origin)

    @classmethod
    def from_dict(  # type: ignore[override]  # it is never made itself
        cls, part: Part, found: Sequence[Mapping[str, Any]]
    ) -> Normal:
        return _kind(part).from_dict(part, found)


def _kind(part: Part) -> type[Diagonal] | type[Full]:
    structure = structure_of(part.variant, len(part.columns))
    return Diagonal if structure in structures.AXIS_ALIGNED else Full
