"""A fit written and read is the same fit; the same bytes whatever the number of threads."""

from functools import cache

import numpy as np
import pytest

import emcli
from emcli import document
from emcli.api import Fitted
from emcli.em import e_step
from emcli.mixture import Mixture
from emcli.sources.memory import CHUNK, MemorySource

from .table import TABLE, every_row

BY_NAME = {row.name: row for row in TABLE}


@cache
def fitted(name: str) -> Fitted:
    """The row's model fitted to rows of it, by way of a frame and the model grammar."""
    row = BY_NAME[name]
    return emcli.fit(row.frame(row.draw(200, 50)), model=row.text, k=3, starts=2, **row.options)


def reread(text: str) -> Fitted:
    found = document.parse(text, "here")
    return Fitted(found.mixture, found.columns, found.fit, found.selection)


@every_row
def test_json_round_trip_is_exact(row):
    one = fitted(row.name)
    text = one.to_json()
    other = reread(text)
    assert other.to_json() == text
    assert reread(other.to_json()).to_json() == text
    assert other.mixture.to_dict() == one.mixture.to_dict()
    assert other.names == one.names and other.mixture.name == one.mixture.name
    values = row.draw(100, 51)[[row.names.index(name) for name in one.names]]
    assert other.posterior(values).tobytes() == one.posterior(values).tobytes()
    assert other.log_density(values).tobytes() == one.log_density(values).tobytes()


@every_row
def test_dictionary_round_trip_is_exact(row):
    """Of the true parameters, which no fit has touched."""
    other = Mixture.from_dict(row.mixture.to_dict(), row.mixture.name)
    assert other.to_dict() == row.mixture.to_dict()
    assert other.name == row.mixture.name and other.free == row.mixture.free
    assert other.inputs == row.mixture.inputs


@every_row
def test_the_reported_likelihood_is_that_of_the_written_parameters(row):
    one = fitted(row.name)
    assert one.mixture.name == row.mixture.name
    assert one.fit["free_parameters"] == row.mixture.free
    values = row.draw(200, 50)[[row.names.index(name) for name in one.names]]
    total = reread(one.to_json()).log_density(values).sum()
    assert one.fit["log_likelihood"] == pytest.approx(total, rel=1e-10)
    sizes = np.bincount(one.posterior(values).argmax(axis=0), minlength=3)
    assert one.fit["diagnostics"]["sizes"] == sizes.tolist()


@every_row
def test_sums_have_the_same_bytes_for_any_number_of_threads(row):
    n = 2 * CHUNK + 5000
    values = row.draw(n, 54)
    weights = np.random.default_rng(54).exponential(size=n)
    found = set()
    for threads in (1, 2, 4):
        source = MemorySource(values, row.names, weights, threads)
        sums = e_step(row.mixture, source)
        found.add((
            sums.log_likelihood, sums.n.tobytes(), *(t.tobytes() for t in sums.statistics),
            *(source.once(base) for base in row.mixture.bases),
        ))
    assert len(found) == 1


@every_row
def test_the_same_file_for_any_number_of_threads(row):
    frame = row.frame(row.draw(150, 55))
    files = {
        emcli.fit(frame, model=row.text, k=3, starts=2, threads=threads, **row.options).to_json()
        for threads in (1, 2, 4)
    }
    assert len(files) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian:VVV", "gaussian:VEI", "VVI+categorical+poisson"])
def test_the_same_file_for_any_number_of_threads_in_a_large_table(name):
    row = BY_NAME[name]
    frame = row.frame(row.draw(200_000, 56))
    files = {
        emcli.fit(frame, model=row.text, k=3, starts=3, threads=threads, **row.options).to_json()
        for threads in (1, 2, 4)
    }
    assert len(files) == 1
