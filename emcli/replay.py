"""Plain EM once more, from the start that a fit is recorded to have begun with.

For pictures of EM at work: the parameters file says which start it was, and starts are made of
the rows, the model and the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emcli.agreement import matching
from emcli.assorted import Assorted
from emcli.columns import Data
from emcli.em import Step, posterior
from emcli.errors import DegenerateError, FitError, UsageError
from emcli.families import catalogue
from emcli.families.base import Family, Part
from emcli.families.interval import Interval
from emcli.families.known import Known
from emcli.families.undivided import Gapped, gapped
from emcli.fitted import Fitted
from emcli.kinds import Kind
from emcli.mixture import Mixture, Model
from emcli.run import Run, alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource, one_blas_thread
from emcli.start import SAMPLE, Asked, Starter

# Two ends that differ by more than this are different maxima.
SAME = 4e-2


class Replay:
    """Every step of plain EM, from the start on, its components in the order of the fit's.

    steps: as `em.steps` gives them; remaining: the gain still to come, as estimated at each;
    name: of the start; source: the rows; elsewhere: what to say where it ends at another maximum.
    """

    def __init__(self, fitted: Fitted, data: Data, threads: int | None = None) -> None:
        recorded = fitted.fit.get("start")
        if not recorded or recorded["name"] == "file":
            raise UsageError(
                "these parameters do not say what EM started from"
                if not recorded else "EM started from a parameters file, which is not recorded",
                "fit again, without --start FILE",
            )
        self.name = str(recorded["name"])
        with one_blas_thread(), np.errstate(all="ignore"):
            self.source = data.source(threads)
            asked, seed = Asked.read(recorded), int(recorded["seed"])
            starter = Starter(_model(fitted.mixture, data), self.source.sample(SAMPLE, seed), seed)
            start = starter.again(fitted.mixture.k, asked)
            if isinstance(start, DegenerateError):
                raise FitError(f"these rows do not give the start of the fit: {start.sentence}",
                               "give the table that was fitted")
            seen: list[Step] = []
            self.remaining: list[float | None] = []

            def watch(step: Step, run: Run) -> None:
                seen.append(step)
                self.remaining.append(run.convergence.remaining)

            run = alone(start, self.source, Stopping(acceleration="none"), watch)
            if run.trouble:
                raise FitError(f"from the start of the fit EM ends badly: {run.trouble.sentence}")
            order = _order(seen[-1].mixture, fitted.mixture, self.source)
        names = fitted.mixture.colours
        self.steps = [
            replace(step, mixture=replace(step.mixture.select(order), colours=names))
            for step in seen
        ]
        reached, known = seen[-1].log_likelihood, float(fitted.fit["log_likelihood"])
        self.elsewhere = "" if abs(reached - known) < SAME else (
            f"On these rows it ends at {reached:.3f}, the fit at {known:.3f}."
        )

    @property
    def last(self) -> int:
        """The number of the last step; that of the start is 0."""
        return len(self.steps) - 1


def _order(found: Mixture, fitted: Mixture, source: MemorySource) -> Sequence[int]:
    """The components of one mixture in the order of those of another that they resemble."""
    ready = fitted.seeing(source.values, source.names)
    one, other = posterior(ready, source)[0], posterior(found, source)[0]
    one = one if source.weights is None else one * source.weights
    return [column for _, column in matching(one @ other.T)]


def _model(mixture: Mixture, data: Data) -> Model:
    """The model before any fit, of rows like these."""
    parts = tuple(_part(family, data) for family in mixture.families)
    return Model(parts, mixture.equal_weights)


def _part(family: Family, data: Data) -> Part:
    """The block before any fit."""
    if isinstance(family, Assorted):
        kinds = tuple(
            Kind(tuple(_part(one, data) for one in group.families)) for group in family.groups
        )
        return Part(Assorted, family.columns, options={"kinds": kinds})
    if isinstance(family, Gapped):
        return _part(family.inner, data)
    if isinstance(family, Interval):
        inner = _part(family.inner, data)
        return Interval.part(inner, family.upper, family.low, family.high)
    if isinstance(family, Known):
        trust = {"trust": float(family.probabilities[0].max())}
        return Part(Known, family.columns, options=trust, levels=family.levels)
    _, _, variant = family.label.partition(":")
    own = catalogue.family(family.name)
    return gapped(data.part(own, family.columns, variant or None, family.options))
