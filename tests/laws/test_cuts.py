"""How rows are cut and sums are folded: what decides the bits, whoever adds them up."""

from dataclasses import dataclass

import pytest

from emcli.sources.memory import CHUNK, cuts, fold, shared


@dataclass
class Tree:
    """A sum that remembers what was added to what."""

    parts: object

    def __add__(self, other):
        return Tree((self.parts, other.parts))


def neighbours(values):
    """Neighbours added up, then neighbours' sums; the last of an odd number waits."""
    while len(values) > 1:
        pairs = [a + b for a, b in zip(values[::2], values[1::2], strict=False)]
        values = [*pairs, *values[2 * len(pairs) :]]
    return values[0]


@pytest.mark.parametrize("count", [*range(1, 70), 127, 128, 129, 1000])
def test_sums_fold_as_neighbours_do(count):
    leaves = [Tree(number) for number in range(count)]
    assert fold(iter(leaves)) == neighbours(leaves)


@pytest.mark.parametrize("width", [3, 20, 86, 166, 600, 1_400, 6_000])
@pytest.mark.parametrize("rows", [1, 8_192, 8_193, 20_000, 50_000, 131_072, 1_000_000, 10**8])
def test_cores_share_rows_out_evenly(width, rows):
    block, chunk = cuts(width, rows)
    assert CHUNK % chunk == 0 and chunk % block == 0 and block & (block - 1) == 0
    if not shared(width, rows):
        assert rows <= 8_192 or rows * width < 1_000_000
        return  # one core does them all
    chunks = -(-rows // chunk)
    most, least = chunk * -(-chunks // 2), rows / 2  # of two cores' rows
    assert most <= 4 / 3 * least
