"""A fit in the hand: what `emcli.fit` returns and a parameters file holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emcli import columns, document, settings, tables
from emcli.columns import Column, Data, Partly
from emcli.columns.partly import partly
from emcli.columns.selection import listed
from emcli.errors import InputError, UsageError
from emcli.families import catalogue
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.filling import Asked, Filling
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.newrows import as_table, encode, refuse_absent
from emcli.numerics import Array
from emcli.sources.memory import MemorySource, one_blas_thread

if TYPE_CHECKING:
    import pandas as pd


@frozen
class Scores:
    """log_density: (n,) of each row, in nats; total and mean: weighted over the rows."""

    log_density: Array
    total: float
    mean: float


@frozen
class Fitted:
    """A fitted mixture: what `emcli fit` writes and the other commands read.

    mixture: the parameters; columns: what it was fitted to; fit: log-likelihood, criteria and how
    the fit went, as in the parameters file; selection: the criterion table it was chosen from;
    seen: the columns of which new rows tell a part only (`in_part`).
    """

    mixture: Mixture
    columns: tuple[Column, ...]
    fit: dict[str, Any]
    selection: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] | None = None
    seen: Mapping[str, Partly] = field(default_factory=dict)

    def __repr__(self) -> str:
        weights = ", ".join(
            f"{colour} {weight:.3f}"
            for colour, weight in zip(self.mixture.colours, self.mixture.weights, strict=True)
        )
        reached = self.fit.get("log_likelihood", float("nan"))
        return f"<Fitted {self.mixture.name}: {weights}; log-likelihood {reached:.3f}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the order `posterior` takes their values."""
        return tuple(column.name for column in self.columns)

    @property
    def sources(self) -> tuple[Column, ...]:
        """The columns that a table of new rows must have."""
        sides = {one.second for one in self.seen.values()}
        found = [
            source
            for column in self.columns if column.name not in sides
            for source in (self.seen[column.name].sources if column.name in self.seen else [column])
        ]
        return tuple({column.name: column for column in found}.values())

    def in_part(
        self, interval: str | Sequence[str] = (), censored: str | Sequence[str] = ()
    ) -> Fitted:
        """The same fit for rows that are binned or censored, as --interval and --censored tell."""
        asked = settings.build(settings.Selecting, {"interval": interval, "censored": censored})
        seen = partly(None, asked)
        for name in seen:
            if name not in self.names:
                raise UsageError(
                    f"the model has no column '{name}'", f"its columns are {listed(self.names)}"
                )

        families = tuple(f.rebuilt(partial(_in_part, seen)) for f in self.mixture.families)
        second = (Column(one.second, "real") for one in seen.values())
        return replace(
            self, mixture=replace(self.mixture, families=families),
            columns=(*self.columns, *second), seen=seen,
        )

    def forgetting(self) -> Fitted:
        """The same fit without the labels of the rows it was made of, or their intervals."""
        kept = tuple(family.plain for family in self.mixture.families if family.written)
        mixture = replace(self.mixture, families=kept)
        columns = tuple(column for column in self.columns if column.name in mixture.inputs)
        return replace(self, mixture=mixture, columns=columns)

    @property
    def criterion(self) -> str:
        """The criterion that chose it."""
        return str(self.fit.get("criterion", "bic"))

    def to_json(self) -> str:
        """The parameters file."""
        return document.write(self, self.provenance)

    def posterior(self, values: Array, threads: int | None = None) -> Array:
        """(K, n) probabilities of the colours of rows, columns first as in `names`."""
        return self.evaluate(values, threads)[0]

    def log_density(self, values: Array, threads: int | None = None) -> Array:
        """(n,) log densities (or log probabilities) of rows, in nats."""
        return self.evaluate(values, threads)[1]

    def evaluate(self, values: Array, threads: int | None = None) -> tuple[Array, Array]:
        """Both at once: probabilities (K, n) and log densities (n,)."""
        source = MemorySource(values, self.names, threads=threads)
        r, log_density = np.empty((self.mixture.k, source.rows)), np.empty(source.rows)
        look, width = self.looking(np.array([np.isnan(row).any() for row in values]))

        def write(block: Block) -> None:
            rows = slice(block.start, block.start + block.n)
            r[:, rows], log_density[rows] = look(block)

        if source.rows:
            with one_blas_thread(), np.errstate(all="ignore"):
                source.each(write, width)
        return r, log_density

    def looking(
        self, incomplete: NDArray[np.bool_]
    ) -> tuple[Callable[[Block], tuple[Array, Array]], int]:
        """What tells probabilities (K, n) and log densities (n,) of a block, and its width.

        incomplete: (d,) which columns have empty cells.
        """
        cells = np.where(incomplete, np.nan, 0.0)[:, None]
        mixture = self.mixture.seeing(cells, self.names)
        evaluation = mixture.at(self.names)
        bases = [(base, [self.names.index(c) for c in base.inputs]) for base in mixture.bases]

        def look(block: Block) -> tuple[Array, Array]:
            r, log_density = evaluation.posterior(block)
            for base, at in bases:
                log_density += base(block.values[at])
            lost = np.flatnonzero(~np.isfinite(log_density))
            if len(lost):
                raise InputError(
                    f"row {block.start + lost[0] + 1} has no computable density under these "
                    "parameters",
                    "check that they were fitted to data of this kind",
                )
            return r, log_density

        return look, evaluation.width

    def assign(self, data: Any) -> pd.DataFrame:
        """Colours of the rows of a frame, Arrow table or array: row, colour, p_red, p_blue, ..."""
        import pandas as pd

        values = self._encoded(data).values
        r = self.posterior(values)
        names = np.array(self.mixture.colours)
        found = {"row": np.arange(1, values.shape[1] + 1), "colour": names[r.argmax(axis=0)]}
        found |= {f"p_{name}": p for name, p in zip(names, r, strict=True)}
        return pd.DataFrame(found)

    def score(self, data: Any, weight: str | None = None) -> Scores:
        """Log density of the rows of a frame, Arrow table or array.

        weight: the column of the rows' weights in the total and the mean.
        """
        seen = encode(self, as_table(data), settings.Selecting(weight=weight))
        found = self.log_density(seen.values)
        weights = np.ones_like(found) if seen.weights is None else seen.weights
        if not weights.any():
            raise InputError("the weights are all zero", "give a row some weight")
        total = float(weights @ found)
        return Scores(found, total, total / float(weights.sum()))

    def impute(self, data: Any, draws: int | None = None, seed: int = 0) -> pd.DataFrame:
        """A frame, Arrow table or array with what is expected in each empty cell.

        draws: so many completed tables under each other, the empty cells drawn, numbered by a first
        column `draw`. See `emcli fit --impute`.
        """
        import pyarrow as pa

        settings.build(settings.Output, {"draws": draws})
        table = as_table(data)
        filling = Filling(self, table, encode(self, table), Asked(draws, seed))
        frame: pd.DataFrame = pa.concat_tables(filling).to_pandas()
        return frame

    def sample(self, n: int, seed: int = 0, given: Any = None) -> pd.DataFrame:
        """n rows drawn from the model, their true colours in the last column.

        given: a table with the columns that the model reads but does not draw (trials); its rows
        are taken in turn.
        """
        import pandas as pd

        return pd.DataFrame(self.draw(n, seed, given))

    def draw(self, n: int, seed: int = 0, given: Any = None) -> dict[str, Any]:
        """`sample` as a dictionary of columns, without pandas."""
        wanted = self.mixture.given
        known = tuple(column for column in self.columns if column.name in wanted)
        held: dict[str, Array] = {}
        if given is not None and known:
            data = self._given(as_table(given), known)
            rows = np.arange(n) % data.values.shape[1]
            held = {c.name: row[rows] for c, row in zip(known, data.values, strict=True)}
        try:
            values, colours = self.mixture.sample(np.random.default_rng(seed), n, held or None)
        except ValueError as error:
            raise InputError(f"these parameters cannot be drawn from: {error}") from None
        place = {name: j for j, name in enumerate(self.mixture.inputs)}
        cells = columns.decode(self.columns, values[[place[name] for name in self.names]])
        return {**cells, "colour": np.array(self.mixture.colours)[colours]}

    def _given(self, table: tables.Table, known: tuple[Column, ...]) -> Data:
        """What the model reads and does not draw, every cell of it."""
        refuse_absent(table, known)
        try:
            return columns.encode(table, known, settings.Selecting(missing="refuse"))
        except InputError as error:
            hint = "fill it in" if "--missing" in error.hint else error.hint
            raise InputError(error.sentence, hint) from None

    def _encoded(self, data: Any) -> Data:
        return encode(self, as_table(data))


def load(path: str, family_file: str | Sequence[str] = ()) -> Fitted:
    """The fit in a parameters file ('-' is standard input); `InputError` if it is not one.

    family_file: `FILE.py:NAME` of a distribution of your own that it is of, or several.
    """
    if family_file:
        catalogue.use([family_file] if isinstance(family_file, str) else family_file)
    found = document.read(path)
    return Fitted(found.mixture, found.columns, found.fit, found.selection, found.provenance)


def _in_part(seen: dict[str, Partly], family: Family) -> Family:
    """The block for rows that tell a part of its column, whose range `seen` learns."""
    own = [name for name in family.columns if name in seen]
    if not own:
        return family
    if len(family.columns) > 1:
        raise UsageError(
            f"the model describes '{own[0]}' together with other columns, so a part of it tells "
            "nothing that can be used", "fit with --interval or --censored to give it a block",
        )
    from emcli.families.interval import Interval

    (leaf,) = family.leaves
    Interval.refuse_family(type(leaf))
    low, high = (family.low, family.high) if isinstance(family, Interval) else (-np.inf, np.inf)
    one = seen[own[0]] = replace(seen[own[0]], low=low, high=high)
    ends = {"upper": one.second, "low": low, "high": high}
    return Interval.around(family, {"inner": Interval.of(leaf), **ends})
