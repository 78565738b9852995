"""Where EM starts: a colour for every row of a sample, from which the first fit is estimated.

Distances are taken in the model's own coordinates, so a start moves with the data wherever the
fit does. Row weights are masses: a weight of 2 is the row twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import numpy as np

from emcli.em import posterior
from emcli.errors import DegenerateError
from emcli.frozen import frozen, mutable
from emcli.mixture import Mixture, Model
from emcli.numerics import Array, distinct, whitened
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource
from emcli.ward import Tree

# Rows that starts look at.
SAMPLE = 20_000
# The kinds of start that take turns after the first. Measured over 86 reference fits and three
# seeds: all three, evenly, miss the best known maximum least often (4 of 258).
MIX = ("split", "kmeans++", "random")
# A start whose colours leave a component singular is blurred: this share of every row is spread
# over all components.
BLUR = 0.1
# Random starts are vague from the beginning: broad components find what tight ones step over.
VAGUE = 0.6

# The fit that is split, the shares of a component that go to the new one, and how much of every
# other row of it goes along, so that neither is singular.
PARENT = Stopping(tolerance=1e-1, max_iterations=30)
SHARES = (0.1, 0.2, 0.4)
FAINT = 0.05

# Starts are estimated together up to so many responsibilities, 8 bytes each.
TOGETHER = 1_000_000

# In a small table, with few components, a start is the best of this many runs that begin alike.
TRIES = 2
FEW = 3

Labels = np.ndarray


def kinds(asked: str | None, starts: int, one_dimension: bool) -> list[str]:
    """The kind of each of the starts: as asked, or the best of several."""
    if asked:
        return [asked] * (1 if asked in ("hierarchical", "quantile") else starts)
    fixed = ["hierarchical", "quantile"] if one_dimension else ["hierarchical"]
    return [*fixed, *(MIX[i % len(MIX)] for i in range(starts))][:starts]


@frozen
class Asked:
    """One start: its kind, its number, and which of several that begin alike.

    parent: where the fit began that is split, if that is not the one the starter makes.
    """

    kind: str
    index: int
    again: int = 0
    parent: Asked | None = None

    def recorded(self, seed: int) -> dict[str, Any]:
        """What the parameters file says of it: all there is to know to make it again."""
        return {
            "name": self.kind, "index": self.index, "seed": seed,
            **({"try": self.again} if self.again else {}),
            **({"of": self.parent.recorded(seed)} if self.parent else {}),
        }  # fmt: skip

    @classmethod
    def read(cls, recorded: Mapping[str, Any]) -> Asked:
        """The start that is recorded so."""
        parent = recorded.get("of")
        again = recorded.get("try", 0)
        return cls(recorded["name"], recorded["index"], again, parent and cls.read(parent))


@mutable
class Starter:
    """Starts for one model on the sample of a source."""

    model: Model
    sample: MemorySource
    seed: int
    _parents: dict[int, Array] = field(default_factory=dict)

    @cached_property
    def points(self) -> Array:
        """(p, n) coordinates of the sample's rows."""
        return self.model.coordinates(self.sample.all(), self.sample.names)

    @cached_property
    def masses(self) -> Array:
        """(n,) row weights."""
        w = self.sample.weights
        return np.ones(self.sample.rows) if w is None else w

    @cached_property
    def whitened(self) -> Array:
        """(q, n) the same with unit covariance: fair to every family, for affine maps keep it."""
        return whitened(self.points, self.masses)

    @cached_property
    def apart(self) -> Array:
        """(p, m) the points that differ, of rows with weight."""
        return distinct(self.points[:, self.masses > 0])

    @cached_property
    def tree(self) -> Tree:
        """The hierarchy of the points in the model's coordinates."""
        return Tree.grow(self.points, self.masses)

    @cached_property
    def whitened_tree(self) -> Tree:
        """And in whitened ones."""
        return Tree.grow(self.whitened, self.masses)

    def splitting(self, parent: Mixture) -> Starter:
        """The same starter, whose splits are of this fit."""
        return replace(self, _parents={parent.k: self._posterior(parent.grouped())})

    def tries(self, kind: str, k: int, small: bool) -> int:
        """How many runs begin alike, of which the best is the start: more than one where cheap."""
        if kind == "hierarchical":
            white = all(p.family.invariance(p.variant) == "affine" for p in self.model.parts)
            return 2 if small and not white else 1
        return TRIES if small and 1 < k <= FEW and kind != "quantile" else 1

    def again(self, k: int, asked: Asked) -> Mixture | DegenerateError:
        """A start as it was made before, the fit it is a split of too."""
        starter = self
        if asked.parent:
            parent = self.again(k - 1, asked.parent)
            if isinstance(parent, DegenerateError):
                return parent
            best = alone(parent, self.sample, Stopping()).best.mixture
            starter = self.splitting(best.sorted())
        return starter.starts(k, [asked])[0]

    def starts(self, k: int, asked: Sequence[Asked]) -> list[Mixture | DegenerateError]:
        """The complete-data fits to the colours of these starts, or why there is none."""
        if len(asked) * k * self.sample.rows > TOGETHER:
            return [self._start(k, one) for one in asked]
        try:
            stack = self._estimate(np.stack([self.colours(one, k) for one in asked]))
        except DegenerateError:
            return [self._start(k, one) for one in asked]
        return [stack.select(i) for i in range(len(asked))]

    def _start(self, k: int, asked: Asked) -> Mixture | DegenerateError:
        try:
            return self._blurred(self.colours(asked, k))
        except DegenerateError as trouble:
            return trouble

    def _blurred(self, r: Array) -> Mixture:
        """The fit to these colours, blurred where they leave a component singular."""
        try:
            return self._estimate(r)
        except DegenerateError:
            return self._estimate(blurred(r, BLUR))

    def _estimate(self, r: Array) -> Mixture:
        with np.errstate(all="ignore"):  # the first step tells what is not finite
            return self.model.estimate(self.sample.all(), self.sample.names, r)

    def colours(self, asked: Asked, k: int) -> Array:
        """Responsibilities (k, n) a start begins with."""
        found = self._colours(asked, k)
        return self.model.steered(self.sample.all(), self.sample.names, found)

    def _colours(self, asked: Asked, k: int) -> Array:
        rng = np.random.default_rng([self.seed, k, asked.index, asked.again])
        behind = sum(self.model.extras)
        if asked.kind == "split" and k > self.model.least_k:
            return self.split(k, rng, slices=asked.again % 2 == 1)
        labels = self.labels(asked.kind, k - behind, rng, asked.again)
        r = (labels == np.arange(k - behind)[:, None]).astype(float)
        if len(self.model.extras) > behind:
            # Which of the clusters is of the other kind? Each start has another answer.
            r = np.roll(r, asked.index, axis=0)
        if asked.kind == "random":
            r = blurred(r, VAGUE)
        if behind:
            r = np.vstack([(1 - BLUR) * r, np.full((behind, r.shape[1]), BLUR / behind)])
        return r

    def parent(self, k: int) -> Array:
        """Responsibilities (k, n) of a fit with k components, from the hierarchical start."""
        if k == 1:
            return np.ones((1, self.sample.rows))
        if k not in self._parents:
            found = self._blurred(self.colours(Asked("hierarchical", 0), k))
            self._parents[k] = self._posterior(alone(found, self.sample, PARENT).best.mixture)
        return self._parents[k]

    def _posterior(self, mixture: Mixture) -> Array:
        return posterior(mixture, self.sample)[0]

    def split(self, k: int, rng: np.random.Generator, slices: bool) -> Array:
        """A fit with k - 1 components, one of which gives neighbours or a slice to a new one."""
        rest = self.parent(k - 1)
        seed = int(rng.choice(rest.shape[1], p=self.masses / self.masses.sum()))
        giver = int(rest[:, seed].argmax())
        own = rest[giver]
        if slices:
            distance = rng.standard_normal(len(self.points)) @ self.points
        else:
            away = self.points - self.points[:, seed, None]
            distance = np.where(own < 0.5, np.inf, np.einsum("ij,ij->j", away, away))
        order = np.argsort(distance, kind="stable")
        mass = np.cumsum((own * self.masses)[order])
        taken = np.empty(len(order))
        taken[order] = np.where(mass <= rng.choice(SHARES) * mass[-1], 1 - FAINT, FAINT)
        # The new one comes first, for components of other kinds stand at the end.
        found = np.vstack([own * taken, rest])
        found[1 + giver] = own * (1 - taken)
        return found

    def labels(self, kind: str, k: int, rng: np.random.Generator, again: int = 0) -> Labels:
        """(n,) colours of the sample's rows."""
        if k == 1:
            return np.zeros(self.sample.rows, dtype=np.intp)
        if kind == "quantile":
            return quantile(self.points[0], self.masses, k)
        if kind == "hierarchical":
            if again % 2:
                return nearest(self.whitened, self.whitened_tree.centres(k))
            return nearest(self.points, self.tree.centres(k))
        if kind == "random":
            if self.apart.shape[1] <= k:
                return nearest(self.points, self.apart)
            return nearest(self.points, scattered(self.points, self.masses, k, rng))
        return lloyd(self.points, self.masses, plus_plus(self.points, self.masses, k, rng))


def blurred(r: Array, share: float) -> Array:
    """Colours of which a share is spread evenly."""
    return (1 - share) * r + share / len(r)


def nearest(points: Array, centres: Array) -> Labels:
    """The centre (p, k) nearest to each point (p, n)."""
    squares = (centres * centres).sum(axis=0)
    found: Labels = (centres.T @ points - 0.5 * squares[:, None]).argmax(axis=0)
    return found


def quantile(x: Array, masses: Array, k: int) -> Labels:
    """k groups of equal mass, in order of x."""
    order = np.argsort(x, kind="stable")
    middle = np.cumsum(masses[order]) - masses[order] / 2
    labels = np.empty(len(x), dtype=np.intp)
    labels[order] = np.minimum(k * middle / masses.sum(), k - 1).astype(np.intp)
    return labels


def scattered(points: Array, masses: Array, k: int, rng: np.random.Generator) -> Array:
    """k rows drawn by mass."""
    chosen = rng.choice(points.shape[1], size=k, replace=False, p=masses / masses.sum())
    return points[:, chosen]


def plus_plus(points: Array, masses: Array, k: int, rng: np.random.Generator) -> Array:
    """k rows drawn far from each other (Arthur & Vassilvitskii 2007)."""
    chosen = [int(rng.choice(points.shape[1], p=masses / masses.sum()))]
    least = np.full(points.shape[1], np.inf)
    while len(chosen) < k:
        away = points - points[:, chosen[-1], None]
        least = np.minimum(least, np.einsum("ij,ij->j", away, away))
        pull = least * masses
        if not pull.sum() > 0:
            break
        chosen.append(int(rng.choice(points.shape[1], p=pull / pull.sum())))
    return points[:, chosen]


def lloyd(points: Array, masses: Array, centres: Array, most: int = 3) -> Labels:
    """A few steps of k-means from these centres; a centre that loses its rows stays."""
    labels = nearest(points, centres)
    for _ in range(most):
        member = (labels == np.arange(centres.shape[1])[:, None]) * masses
        total = member.sum(axis=1)
        moved = (points @ member.T) / np.where(total > 0, total, 1.0)
        centres = np.where(total > 0, moved, centres)
        labels, before = nearest(points, centres), labels
        if (labels == before).all():
            break
    return labels
