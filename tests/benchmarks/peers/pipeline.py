"""The least that colouring a Parquet table can take: read it, one E step, write the same table.

    python -m tests.benchmarks.peers.pipeline PARAMS.json DATA.parquet COLOURS.parquet
"""

from __future__ import annotations

from emcli.environment import prepare

prepare()  # before NumPy is imported

import sys  # noqa: E402

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from pyarrow import parquet  # noqa: E402

import emcli  # noqa: E402

PIECE = 65_536

params, data, target = sys.argv[1:]
fitted = emcli.load(params)
colours = pa.array(fitted.mixture.colours)
names = ["row", "colour", *(f"p_{colour}" for colour in fitted.mixture.colours)]
writer, first = None, 1
for batch in parquet.ParquetFile(data).iter_batches(PIECE, columns=list(fitted.names)):
    shares = fitted.posterior(np.vstack([column.to_numpy() for column in batch.columns]))
    numbers = pa.array(np.arange(first, first + batch.num_rows))
    coded = colours.take(pa.array(shares.argmax(axis=0)))
    table = pa.Table.from_arrays([numbers, coded, *map(pa.array, shares)], names=names)
    writer = writer or parquet.ParquetWriter(
        target, table.schema, compression="zstd", use_dictionary=["colour"]
    )
    writer.write_table(table)
    first += batch.num_rows
if writer:
    writer.close()
