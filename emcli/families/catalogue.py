"""The catalogue of families: one line each. A family is imported when it is first asked for.

To add one: write its file in this folder and its line here. Families of users' own come from their
files (`use`), or from installed packages that have an entry point for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module

from emcli.errors import UsageError
from emcli.families.base import Family

_FAMILIES = {
    "gaussian": "emcli.families.gaussian:Gaussian",
    "student": "emcli.families.student:Student",
    "skewnormal": "emcli.families.skewnormal:SkewNormal",
    "lognormal": "emcli.families.lognormal:Lognormal",
    "exponential": "emcli.families.exponential_distribution:Exponential",
    "gamma": "emcli.families.gamma:Gamma",
    "weibull": "emcli.families.weibull:Weibull",
    "inverse-gaussian": "emcli.families.inverse_gaussian:InverseGaussian",
    "rayleigh": "emcli.families.rayleigh:Rayleigh",
    "beta": "emcli.families.beta:Beta",
    "poisson": "emcli.families.poisson:Poisson",
    "geometric": "emcli.families.geometric:Geometric",
    "negbinomial": "emcli.families.negbinomial:NegBinomial",
    "binomial": "emcli.families.binomial:Binomial",
    "zip": "emcli.families.zero_inflated:ZeroInflatedPoisson",
    "bernoulli": "emcli.families.bernoulli:Bernoulli",
    "categorical": "emcli.families.categorical:Categorical",
    "multinomial": "emcli.families.multinomial:Multinomial",
    "vonmises": "emcli.families.vonmises:VonMises",
    "vonmisesfisher": "emcli.families.vonmisesfisher:VonMisesFisher",
    "uniform": "emcli.families.uniform:Uniform",
    "factor": "emcli.families.factor:Factor",
    "linear": "emcli.families.linear:Linear",
    "logistic": "emcli.families.logistic:Logistic",
    "poisson-regression": "emcli.families.poisson_regression:PoissonRegression",
}


# What a command was given by --family-file, and what was found installed.
_OWN: dict[str, type[Family]] = {}


class UnknownFamily(UsageError):
    """There is no family of that name."""


def use(files: Iterable[str]) -> tuple[str, ...]:
    """Know the families in these files, `FILE.py:NAME` each; their names."""
    from emcli.families import own

    found: dict[str, type[Family]] = {}
    for text in files:
        family = own.load(text)
        if family.name in (*_FAMILIES, "auto") or family.name in found:
            raise UsageError(
                f"{text}: there is a family '{family.name}' already",
                'give the class another: name = "..."',
            )
        found[family.name] = family
    _OWN.update(found)
    return tuple(found)


def names() -> tuple[str, ...]:
    """The families' names, in the order of the catalogue."""
    return tuple(_FAMILIES)


def others() -> tuple[str, ...]:
    """The names of families that are not emcli's."""
    from emcli.families import own

    return tuple(dict.fromkeys([*_OWN, *own.names_installed()]))


def family(name: str) -> type[Family]:
    """The class of that name; `UnknownFamily` with the nearest one when there is none."""
    if name not in _FAMILIES:
        return _OWN.get(name) or _installed(name)
    module, _, attribute = _FAMILIES[name].partition(":")
    found: type[Family] = getattr(import_module(module), attribute)
    return found


@cache
def _installed(name: str) -> type[Family]:
    """The family of an entry point; code that is installed, so that a name may call it."""
    from emcli.families import own

    found: type[Family] | None = own.installed(name)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name, [*_FAMILIES, *_OWN, "auto"], n=1)
        meant = f"did you mean '{near[0]}'?" if near else (
            "'emcli models' lists them; for one of your own add --family-file FILE.py:NAME"
        )
        raise UnknownFamily(f"there is no model family '{name}'", meant)
    return found
