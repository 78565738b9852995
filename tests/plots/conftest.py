"""Scenes to draw: sample tables and quick fits of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from emcli import api, settings, tables
from emcli.report.plots.scene import Scene

SAMPLES = Path(__file__).parents[2] / "sample_data"

#: A fit of every sort of model: its table, and its options.
SCENES: dict[str, tuple[str, dict[str, Any]]] = {
    "one column": ("galaxies", {"components": 3}),
    "two columns": ("faithful", {"components": 2}),
    "other shapes": ("faithful", {"components": 2, "model": "gamma"}),
    "heavy tails": ("newcomb", {"components": 1, "model": "student"}),
    "four columns": ("iris", {"components": 3, "exclude": "species"}),
    "weighted counts": (
        "death_notices", {"components": 2, "model": "poisson", "weight": "frequency"},
    ),
    "trials": ("two_coins", {"components": 2, "model": "binomial(heads, trials=tosses)"}),
    "two levels": ("carcinoma", {"components": 3, "model": "bernoulli"}),
    "levels": ("carcinoma", {"components": 2, "model": "categorical(A..C)"}),
    "counted levels": ("hair_eye", {"components": 2, "model": "multinomial"}),
    "regression": ("npreg", {"components": 2, "model": "linear(yn ~ x + x^2)"}),
    "a regressor with a density": (
        "npreg", {"components": 2, "model": "gaussian(x) + linear(yn ~ x)"},
    ),
    "logistic": ("npreg", {"components": 2, "model": "logistic(yb ~ x)"}),
    "angles": ("turtles", {"components": 2, "model": "vonmises(degrees)"}),
    "vectors": (
        "iris", {"components": 2, "model": "vonmisesfisher(sepal_length..petal_width)"},
    ),
    "mixed": (
        "penguins",
        {"components": 3,
         "model": "gaussian:VVI(bill_length_mm..body_mass_g) + categorical(island, sex)"},
    ),
    "noise": ("faithful", {"components": 2, "noise": True}),
    "kinds": (
        "death_notices", {"model": "poisson | geometric", "components": 2, "weight": "frequency"},
    ),
    "labels": (
        "penguins_known", {"components": 3, "columns": "bill_length_mm..bill_depth_mm",
                           "labels": "known"},
    ),
    "classes": (
        "waiting_binned", {"components": 2, "interval": "waiting=lower,upper", "weight": "count"},
    ),
    "classes and noise": (
        "waiting_binned", {"components": 2, "interval": "waiting=lower,upper", "weight": "count",
                           "noise": True},
    ),
    "truncated": ("galaxies", {"components": 2, "truncated": "5,40"}),
}  # fmt: skip


@cache
def scene(name: str) -> Scene:
    """The fit of that name among its rows."""
    table, options = SCENES[name]
    asked = settings.build(settings.FitSettings, {"starts": 2, "model": "gaussian", **options})
    outcome = api.fit_table(
        tables.read([str(SAMPLES / f"{table}.csv")], settings.Reading()), asked
    )
    return Scene(outcome.labelled, outcome.data)
