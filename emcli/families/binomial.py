"""Successes in a known number of trials: independent binomial columns.

log p_k(x) = sum_j [ x_j log p_kj + (m_j - x_j) log(1 - p_kj) + log C(m_j, x_j) ], x_j whole
numbers from 0 to m_j, the trials m from a column of the table (`trials=tosses`) or a number
(`n=10`). Parameter: probability p (K, d). M step: successes over trials, both weighted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.helpers import imputed, whole_numbers
from emcli.families.independent import OneProbability
from emcli.families.words import numbers
from emcli.frozen import frozen, immutable
from emcli.numerics import Array, Codes, flat, log_factorial, safe_log

_MOST_TRIALS = 2**53  # the largest number up to which doubles hold every whole one


@frozen
class LogChoose:
    """h(x) of a binomial block: sum_j log C(m, x_j)."""

    inputs: tuple[str, ...]
    trials: str | int

    def __call__(self, values: Array) -> Array:
        heads, tails = _outcomes(values, self.trials)
        total = log_factorial(heads + tails) - log_factorial(heads) - log_factorial(tails)
        return total.sum(axis=0)


def _outcomes(values: Array, trials: str | int) -> tuple[Array, Array]:
    """Successes and failures (d, n), both zero where either input is missing."""
    heads, m = (values[:-1], values[-1]) if isinstance(trials, str) else (values, float(trials))
    tails = m - heads
    missing = np.isnan(tails)
    return np.where(missing, 0.0, heads), np.where(missing, 0.0, tails)


@immutable
class Binomial(OneProbability, ExponentialFamily):
    trials: str | int

    name: ClassVar = "binomial"
    summary: ClassVar = "successes in a known number of trials"
    density: ClassVar = "C(m, x) pˣ (1-p)ᵐ⁻ˣ"
    parameters: ClassVar = "probability p, one a column; trials m: a column or a number"
    support: ClassVar = "whole numbers from 0 to the trials"
    m_step: ClassVar = "analytic: weighted successes over weighted trials"
    source: ClassVar = "Do & Batzoglou (2008)"
    example: ClassVar = (
        "emcli fit sample_data/two_coins.csv -m 'binomial(heads, trials=tosses)' -k 2"
    )
    kind: ClassVar = "count"
    continuous: ClassVar = False
    takes: ClassVar = ("trials", "n")
    beside: ClassVar = "count"

    inside = staticmethod(whole_numbers)

    @classmethod
    def made(cls, part: Part, **arrays: Array) -> Self:
        return cls(part.columns, **arrays, trials=part.options["trials"], options=part.options)

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.columns, self.trials) if isinstance(self.trials, str) else self.columns

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        trials = options["trials"]
        return (*columns, trials) if isinstance(trials, str) else columns

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """The trials: `trials=COLUMN`, or `n=10`."""
        held = {name: numbers(name, values[name]) for name in cls.holds if name in values}
        if "n" in values and "trials" in values:
            raise UsageError("binomial takes trials= or n=, not both", "leave one of them out")
        asked = values.get("trials", "")
        if "n" in values or (asked.isdigit() and asked not in names):
            number = values.get("n", asked)
            whole = number.isascii() and number.isdigit()
            if not whole or not 1 <= float(number) <= _MOST_TRIALS:
                raise UsageError(
                    f"'{number}' is not a number of trials", "type binomial(heads, n=10)"
                )
            return {"trials": int(number), **held}
        if asked:
            return {"trials": find(asked.strip('"')), **held}
        if held and not names:  # from a file, where the trials stand beside the parameters
            return held
        raise UsageError(
            "binomial needs to know the trials",
            "type binomial(heads, trials=COLUMN) or (heads, n=10)",
        )

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        """Without the trials, which stand in the file beside the parameters."""
        held = {name: options[name] for name in cls.holds if name in options}
        return super().spelt(columns, held, alone)

    @classmethod
    def options_of(cls, found: Mapping[str, Any]) -> dict[str, Any]:
        return {"trials": found["trials"]}

    @property
    def width(self) -> int:  # type: ignore[override]
        return 2 * len(self.columns)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 arcsin sqrt(x/m), the variance-stabilising transform."""
        trials = part.options["trials"]
        values = imputed(block)
        heads, m = (values[:-1], values[-1]) if isinstance(trials, str) else (values, trials)
        return 2 * np.arcsin(np.sqrt(np.clip(heads / np.maximum(m, 1), 0, 1)))

    def base(self) -> LogChoose:
        return LogChoose(self.inputs, self.trials)

    def features(self, block: Block, out: Array) -> None:
        d = len(self.columns)
        out[:d], out[d:] = _outcomes(block.values, self.trials)

    def natural(self) -> Array:
        p = self.probability
        return np.concatenate([np.zeros_like(p[..., :1]), safe_log(p), safe_log(1 - p)], axis=-1)

    def maximise(self, n: Array, t: Array) -> Self:
        d = len(self.columns)
        total = t[..., :d] + t[..., d:]
        # A component whose rows had no trial says nothing of p; it keeps the one it has.
        tried = total > 0
        share = t[..., :d] / np.where(tried, total, 1.0)
        found = np.where(tried, share, self.probability)
        return replace(self, probability=self.keep("probability", found))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(safe_log(self.probability) - safe_log(1 - self.probability))

    def information(self, weights: Array, vector: Array) -> Array:
        # With a column of trials their number is not known here, and left out.
        m = 1.0 if isinstance(self.trials, str) else float(self.trials)
        p = self.probability
        return flat(m * weights[..., None] * p * (1 - p)) * vector

    def expectation(self, block: Block, r: Array) -> list[Array]:
        p, given = self.probability, isinstance(self.trials, str)
        trials = block.values[-1] if given else float(self.trials)
        return [row[None] for row in trials * (p.T @ r)]

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        if isinstance(self.trials, str):
            if given is None:
                raise UsageError(
                    f"the trials of this model are in column '{self.trials}'",
                    "name a table that has them by --given",
                )
            draws = rng.binomial(given[-1].astype(np.int64), self.probability[colours].T)
            return np.vstack([draws, given[-1]]).astype(float)
        return rng.binomial(self.trials, self.probability[colours]).T.astype(float)

    def to_dict(self, component: int) -> dict[str, Any]:
        return {"trials": self.trials, **super().to_dict(component)}
