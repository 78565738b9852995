"""A fit in the hand: what `emcli.fit` returns and a parameters file holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emcli import columns, document, settings, tables
from emcli.columns import Column, Data
from emcli.columns.selection import listed
from emcli.errors import InputError
from emcli.families import catalogue
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.numerics import Array
from emcli.sources.memory import CHUNK, MemorySource, one_blas_thread
from emcli.tables.streaming import missing as absent

if TYPE_CHECKING:
    import pandas as pd


@frozen
class Scores:
    """log_density: (n,) of each row, in nats; total and mean: weighted over the rows."""

    log_density: Array
    total: float
    mean: float


@dataclass(frozen=True, repr=False)
class Fitted:
    """A fitted mixture: what `emcli fit` writes and the other commands read.

    mixture: the parameters; columns: what it was fitted to; fit: log-likelihood, criteria and how
    the fit went, as in the parameters file; selection: the criterion table it was chosen from.
    """

    mixture: Mixture
    columns: tuple[Column, ...]
    fit: dict[str, Any]
    selection: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] | None = None

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

    def score(self, data: Any) -> Scores:
        """Log density of the rows of a frame, Arrow table or array."""
        found = self.log_density(self._encoded(data).values)
        return Scores(found, float(found.sum()), float(found.mean()))

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
        _refuse_absent(table, known)
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


def as_table(data: Any) -> tables.Table:
    """Whatever holds a table, as one."""
    if isinstance(data, tables.Table):
        return data
    import pyarrow as pa

    if isinstance(data, np.ndarray):
        array = data[:, None] if data.ndim == 1 else data
        if array.ndim != 2:
            raise InputError(f"the array has {array.ndim} dimensions", "pass rows by columns")
        named = {f"x{j + 1}": pa.array(column) for j, column in enumerate(array.T)}
        return tables.from_arrow(pa.table(named))
    if isinstance(data, pa.Table):
        return tables.from_arrow(data)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return tables.from_arrow(pa.Table.from_pandas(data, preserve_index=False))
    raise InputError(
        f"a {type(data).__name__} is not a table", "pass a DataFrame, an Arrow table or an array"
    )


def encode(
    fitted: Fitted, table: tables.Table, selecting: settings.Selecting | None = None
) -> Data:
    """New rows as numbers, by the columns and levels the fit learnt."""
    families = [leaf for family in fitted.mixture.families for leaf in family.leaves]
    checks: dict[str, list[type]] = {}
    for family in families:
        for name in family.columns:
            checks.setdefault(name, []).append(type(family))
    trials = {
        name: limit
        for family in families
        if (limit := family.options_of(family.to_dict(0)).get("trials")) is not None
        for name in family.columns
    }
    rows = selecting or settings.Selecting()
    _refuse_absent(table, fitted.columns)
    try:
        data = columns.encode(table, fitted.columns, rows, checks, trials)
    except InputError as error:
        if "--missing" in error.hint:
            raise
        raise InputError(error.sentence, "the model was fitted without such cells") from None
    for family in families:
        if family.correlated:
            refuse_missing(table, data, family.inputs, family.label, choose=False)
        refuse_rows(table, data, type(family), family.columns)
    return data


def _refuse_absent(table: tables.Table, wanted: Sequence[Column]) -> None:
    """Refuse a table without a column that the model reads."""
    for column in wanted:
        if column.name not in table.names:
            raise absent(column.name, table.names, table.label)


def refuse_missing(
    table: tables.Table, data: Data, names: Sequence[str], title: str, choose: bool
) -> None:
    """Refuse empty cells in a block whose columns are correlated."""
    at = [column.name for column in data.columns]
    for name in names:
        column = at.index(name)
        if data.missing[column]:
            more = int(data.missing[column]) - 1
            many = f", as in {more} other row{'s' * (more > 1)}," if more else ","
            what = f"the cell is empty{many} which {title} cannot use yet"
            hint = "type --missing drop"
            if choose and ":" in title:
                family, _, _ = title.partition(":")
                hint += f", or choose a model of independent columns ({family}:VVI)"
            raise table.refusal(name, input_row(data, data.first_empty(column)), what, hint)


def refuse_rows(
    table: tables.Table, data: Data, family: type[Family], names: Sequence[str]
) -> None:
    """Refuse rows whose cells, each inside the family's support, together are not."""
    at = [column.name for column in data.columns]
    places = [at.index(name) for name in names]
    for start in range(0, data.values.shape[1], CHUNK):
        inside = family.rows_inside(data.values[places, start : start + CHUNK])
        if inside is None:
            return
        if not inside.all():
            row = input_row(data, start + int(np.flatnonzero(~inside)[0]))
            raise table.refusal(
                names[0], row,
                f"with {listed(names[1:])} it is outside what {family.name} takes: "
                f"{family.support}", "correct the row, leave it out, or choose another model",
            )  # fmt: skip


def input_row(data: Data, row: int) -> int:
    return row if data.rows is None else int(data.rows[row])
