"""Criteria that choose among models and k: -2 log L plus a penalty, smaller is better.

With nu free parameters and N the total row weight:
bic   nu log N                              Schwarz (1978)
icl   bic + 2 * entropy of the colours      Biernacki, Celeux & Govaert (2000)
aic   2 nu                                  Akaike (1974)
aicc  aic + 2 nu (nu + 1) / (N - nu - 1)    Hurvich & Tsai (1989)
sabic nu log((N + 2) / 24)                  Sclove (1987)
caic  nu (log N + 1)                        Bozdogan (1987)
cv    -2 * held-out log-likelihood          Smyth (2000)
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from emcli.evaluation import Evaluation
from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource


@frozen
class Criteria:
    """What the criteria are made of; `entropy` is that of the colours, in nats, from 0."""

    log_likelihood: float
    free: int
    n: float
    entropy: float
    held_out: float | None = None

    @classmethod
    def of(cls, mixture: Mixture, log_likelihood: float, source: MemorySource) -> Criteria:
        """The criteria of a fit, by one pass over the rows."""
        return cls(log_likelihood, mixture.free, source.weight_total, entropy(mixture, source))

    def value(self, name: str) -> float | None:
        """The criterion of that name; None where it is not defined (aicc of too few rows)."""
        nu, n, deviance = self.free, self.n, -2 * self.log_likelihood
        if name == "bic":
            return deviance + nu * float(np.log(n))
        if name == "icl":
            return deviance + nu * float(np.log(n)) + 2 * self.entropy
        if name == "aic":
            return deviance + 2 * nu
        if name == "aicc":
            spare = n - nu - 1
            return deviance + 2 * nu + 2 * nu * (nu + 1) / spare if spare > 0 else None
        if name == "sabic":
            return deviance + nu * float(np.log((n + 2) / 24))
        if name == "caic":
            return deviance + nu * (float(np.log(n)) + 1)
        return None if self.held_out is None else -2 * self.held_out


def entropy(mixture: Mixture, source: MemorySource) -> float:
    """-sum_i w_i sum_k r_ik log r_ik."""
    if mixture.k == 1:
        return 0.0
    evaluation = mixture.at(source.names)
    return source.total(Entropy(evaluation), evaluation.width)


@frozen
class Entropy:
    """What a block's rows add to the entropy."""

    evaluation: Evaluation
    travels: ClassVar = True

    def __call__(self, block: Block) -> float:
        r, _ = self.evaluation.posterior(block)
        each = -(r * np.log(r)).sum(axis=0)
        return float(each.sum() if block.weights is None else each @ block.weights)
