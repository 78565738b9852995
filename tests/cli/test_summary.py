"""Tables for people: rounding, shapes, marks and reasons."""

from __future__ import annotations

from typing import Any

import pytest

from emcli.report import numbers
from emcli.report.components import component_rows
from emcli.report.criterion import Comparison, draw_comparison
from emcli.report.sheet import Column, Sheet, wrapped


@pytest.mark.parametrize(
    ("value", "text"), [(272, "272"), (1096.0, "1,096"), (174.93, "174.9"), (12345.6, "12,346")]
)
def test_counts(value: float, text: str) -> None:
    assert numbers.count(value) == text


def test_counts_side_by_side_have_the_same_decimals() -> None:
    assert numbers.counts([201, 200.5]) == ["201.0", "200.5"]
    assert numbers.counts([200.0, 100.0]) == ["200", "100"]
    assert numbers.counts([1234.5, 10.25]) == ["1,234", "10"]


@pytest.mark.parametrize(
    ("means", "deviations", "cells"),
    [
        ([4.28966, 2.03638], [0.412272, 0.262997], ["4.290 ± 0.412", "2.036 ± 0.263"]),
        ([79.968, 54.478], [6.0038, 5.8049], ["79.97 ± 6.00", "54.48 ± 5.80"]),
        ([3706.2], [457.1], ["3706 ± 457"]),
        ([1e6 + 4.29], [0.41], ["1000004.290 ± 0.410"]),
        ([4.29e-9], [4.1e-10], ["4.29e-09 ± 4.1e-10"]),
        ([1e12], [1e10], ["1e+12 ± 1e+10"]),
        ([5.0], [0.0], ["5.00 ± 0.00"]),
    ],
)
def test_means_show_what_their_deviations_mean(
    means: list[float], deviations: list[float], cells: list[str]
) -> None:
    assert numbers.spreads(means, deviations) == cells


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([2.66339, 1.25609], ["2.663", "1.256"]),
        ([0.713012, 0.581339], ["0.713", "0.581"]),
        ([1.0, 0.0], ["1.000", "0.000"]),
        ([0.00123, 0.0456], ["0.0012", "0.0456"]),
        ([12345.678, 1.5], ["12346", "2"]),
        ([1.2e-8], ["1.2e-08"]),
        ([None, 4.0], ["∞", "4.000"]),
    ],
)
def test_numbers_of_a_row_have_the_same_decimals(values: Any, cells: list[str]) -> None:
    assert numbers.alike(values) == cells


def test_what_would_look_like_nought_is_shown_for_what_it_is() -> None:
    assert numbers.alike([0.10293, 2.6083e-05], tiny=True) == ["0.103", "2.61e-05"]
    assert numbers.alike([0.10293, 0.0], tiny=True) == ["0.103", "0.000"]


def component(weight: float, **parameters: Any) -> dict[str, Any]:
    block = {"family": "x", "columns": ["a", "b"], **parameters}
    return {"colour": "red", "weight": weight, "distributions": [block]}


def test_rows_follow_the_names_of_the_parameters() -> None:
    def labels(binary: Any = None, **parameters: Any) -> list[str]:
        rows = component_rows([component(1.0, **parameters)], 10, binary or {}, full=True)
        return [row.label for row in rows[2:]]

    square = [[1.0, 0.5], [0.5, 1.0]]
    assert labels(mean=[1.0, 2.0], covariance=square) == ["a", "b", "correlation"]
    assert labels(mean=[1.0, 2.0], variance=[1.0, 2.0]) == ["a", "b"]
    assert labels(mean=[1.0, 2.0], scale=square, df=4.0) == ["a", "b", "correlation", "df"]
    assert labels(rate=[1.0, 2.0]) == ["a rate", "b rate"]
    yes = {"a": (0, 1), "b": ("no", "yes")}
    assert labels(yes, probability=[0.1, 0.2]) == ["a = 1", "b = yes"]
    two = {"levels": [["x", "y"], [1, 2]], "probabilities": [[0.5, 0.5], [0.1, 0.9]]}
    assert labels(**two) == ["a = x", "a = y", "b = 1", "b = 2"]


def cell(model: str, k: int, bic: float | None, status: str = "ok") -> dict[str, Any]:
    likelihood = None if bic is None else -bic / 2
    return {"model": model, "k": k, "log_likelihood": likelihood, "free_parameters": 3,
            "bic": bic, "status": status}  # fmt: skip


def drawn(selection: list[dict[str, Any]], width: int = 80) -> str:
    sheet = Sheet(width)
    best = min((c for c in selection if c["bic"]), key=lambda c: c["bic"])
    draw_comparison(sheet, Comparison(selection, "bic", best["model"], best["k"]))
    return sheet.text()


GRID = [
    cell("gaussian:EII", 1, 30.0), cell("gaussian:EII", 2, 20.0),
    cell("gaussian:VII", 1, 20.0), cell("gaussian:VII", 2, None, "too few rows"),
    cell("gaussian:VVV", 1, 25.0, "not converged"), cell("gaussian:VVV", 2, None, "degenerate"),
]  # fmt: skip


def test_a_grid_marks_winner_ties_and_reasons() -> None:
    lines = [line.split() for line in drawn(GRID).splitlines()]
    assert lines[0] == ["k", "EII", "VII", "VVV"]
    assert lines[1] == ["1", "30.0", "=20.0", "~25.0"]
    assert lines[2] == ["2", "*20.0", "few", "degen"]
    text = drawn(GRID)
    for words in ("smaller is better; mclust prints -BIC", "* chosen, = ties with it, ~ not conv",
                  "few: not run, fewer than k(d+2) rows", "degen: every start ended in"):
        assert words in text


def test_a_grid_that_is_too_wide_is_turned() -> None:
    wide = [cell(f"gaussian:M{i:02}", k, 100.0 + i + k) for i in range(20) for k in (1, 2)]
    lines = [line.split() for line in drawn(wide, 60).splitlines()]
    assert lines[0] == ["k", "=", "1", "2"]
    assert lines[1] == ["M00", "*101.0", "102.0"]


def test_what_fits_neither_way_shows_the_best_ten() -> None:
    large = [cell(f"gaussian:M{i:02}", k, 100.0 + i + k) for i in range(20) for k in range(1, 21)]
    large += [cell("gaussian:M99", 1, None, "degenerate")]
    text = drawn(large, 60)
    assert "… and 390 with larger values, 1 degenerate" in text
    assert text.splitlines()[1].split()[:2] == ["M00", "1"]


def test_one_model_lists_its_numbers() -> None:
    text = drawn([cell("poisson", 1, 30.0), cell("poisson", 2, 20.5), cell("poisson", 3, None)])
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["k", "log-likelihood", "parameters", "BIC"]
    assert lines[2] == ["2", "-10.250", "3", "*20.50"]


def test_a_long_line_breaks_between_words_and_a_long_word_inside() -> None:
    assert [*wrapped("one two  three", 7)] == ["one two", "three"]
    assert [*wrapped("abcdefgh ij", 3)] == ["abc", "def", "gh", "ij"]
    assert [*wrapped("高さ高さ", 5)] == ["高さ", "高さ"]


def test_a_table_that_is_too_wide_cuts_names_and_no_numbers() -> None:
    sheet = Sheet(20)
    sheet.table([Column(), Column("red", right=True)], [("a very long name", "4.29 ± 0.41")])
    assert sheet.text() == "               red\na ver…   4.29 ± 0.41\n".replace("  red", "    red")
    sheet = Sheet(12)
    sheet.table([Column(), Column()], [("key", "some words")])
    assert sheet.text() == "key   some\n      words\n"


def test_names_cannot_command_the_terminal() -> None:
    sheet = Sheet(80)
    sheet.line("a\x1b[31mb")
    assert sheet.text() == "a\\x1b[31mb\n"
