"""The catalogue of families: one line each. A family is imported when it is first asked for.

To add one: write its file in this folder and its line here.
"""

from __future__ import annotations

from importlib import import_module

from emcli.errors import UsageError
from emcli.families.base import Family

_FAMILIES = {
    "gaussian": "emcli.families.gaussian:Gaussian",
    "poisson": "emcli.families.poisson:Poisson",
    "binomial": "emcli.families.binomial:Binomial",
    "bernoulli": "emcli.families.bernoulli:Bernoulli",
    "categorical": "emcli.families.categorical:Categorical",
    "uniform": "emcli.families.uniform:Uniform",
}


def names() -> tuple[str, ...]:
    """The families' names, in the order of the catalogue."""
    return tuple(_FAMILIES)


def family(name: str) -> type[Family]:
    """The class of that name; `UsageError` with the nearest one when there is none."""
    if name not in _FAMILIES:
        import difflib

        near = difflib.get_close_matches(name, [*_FAMILIES, "auto"], n=1)
        meant = f"did you mean '{near[0]}'?" if near else "'emcli models' lists them"
        raise UsageError(f"there is no model family '{name}'", meant)
    module, _, attribute = _FAMILIES[name].partition(":")
    found: type[Family] = getattr(import_module(module), attribute)
    return found
