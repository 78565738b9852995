"""What --component and --noise make of a model: kinds of components beside the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emcli import document, palette, settings
from emcli.assorted import Assorted
from emcli.errors import UsageError
from emcli.families import catalogue
from emcli.families.base import Family, Part
from emcli.frozen import frozen
from emcli.grammar import AUTO, Term, split
from emcli.kinds import Kind
from emcli.mixture import Mixture
from emcli.settings import FitSettings


@frozen
class Named:
    """A component that was asked for by its colour: its model, and the fit it is held at."""

    colour: str
    model: str
    held: tuple[Family, ...] = ()


def composed(asked: FitSettings) -> tuple[FitSettings, tuple[Named, ...]]:
    """The settings with all kinds of component in the model, and those asked for by colour.

    Raises `UsageError` or `InputError` for what is no COLOUR=MODEL.
    """
    modelling = asked.modelling
    named = tuple(_named(text) for text in modelling.component)
    colours = [one.colour for one in named]
    if len(set(colours)) < len(colours):
        twice = next(colour for colour in colours if colours.count(colour) > 1)
        raise UsageError(f"--component {twice}= is given twice", "leave one of them out")
    ks = modelling.components
    if named and ks == settings.Modelling().components:
        ks = (len(named),)
    if min(ks) < len(named):
        raise UsageError(
            f"--component names {len(named)} components, -k asks for {min(ks)}",
            f"type -k {len(named)}, or more",
        )
    kinds = [one.model for one in named]
    if ks != (len(named),):
        models = [" | ".join([model, *kinds]) for model in split(modelling.model, ",")]
    else:
        models = [" | ".join(kinds)]
    if modelling.noise:
        models = [f"{model} | uniform" for model in models]
        ks = tuple(k + 1 for k in ks)
    changed = replace(modelling, model=", ".join(models), components=ks)
    return replace(asked, modelling=changed), named


def refuse_noise(models: Sequence[Sequence[Term]]) -> None:
    """Raise `UsageError` for blocks that a uniform density cannot stand beside."""
    for term in (term for terms in models for term in terms if term.family != AUTO):
        family = catalogue.family(term.family)
        if not family.continuous or family.measure:
            raise UsageError(
                f"--noise is uniform over ranges of numbers, and {family.name} describes none",
                "leave out --noise, or a block",
            )


def _named(text: str) -> Named:
    colour, equals, model = (part.strip() for part in text.partition("="))
    if not (colour and equals and model):
        raise UsageError(f"--component {text} is not COLOUR=MODEL", "type --component red=poisson")
    path, _, other = model.partition(".json")
    if not path or (other and not other.startswith(":")):
        return Named(colour, model)
    if ".json" not in model:
        return Named(colour, model)
    mixture = document.read(f"{path}.json", start=True).mixture
    wanted = other[1:] or (colour if mixture.k > 1 else mixture.colours[0])
    if wanted not in mixture.colours:
        raise UsageError(
            f"{path}.json has no component '{wanted}'",
            f"type --component {colour}={path}.json:COLOUR, one of {', '.join(mixture.colours)}",
        )
    only = mixture.select([mixture.colours.index(wanted)])
    kind = " + ".join(_spelt(family) for family in only.families)
    return Named(colour, kind, only.families)


def _spelt(family: Family) -> str:
    words = family.spelt(family.columns, family.options, False)
    return f"{family.label}({', '.join(words)})"


def assembled(
    kinds: Sequence[tuple[Part, ...]], named: Sequence[Named], noise: bool
) -> tuple[Part, ...]:
    """A model's blocks: those of its only kind, or one that stands for all kinds."""
    if len(kinds) == 1 and not named:
        return kinds[0]
    own = [Kind(parts) for parts in kinds]
    first = len(kinds) - len(named) - noise
    for i, one in enumerate(named):
        own[first + i] = Kind(kinds[first + i], one.held, one.colour)
    rest = sorted(own[1:], key=lambda kind: kind.background)
    columns = tuple(name for part in kinds[0] for name in part.columns)
    return (Part(Assorted, columns, options={"kinds": (own[0], *rest)}),)


def coloured(mixture: Mixture, names: tuple[str, ...]) -> tuple[str, ...]:
    """The components' colours: those they were asked for by, grey for noise, the others in turn."""
    fixed = [
        next(filter(None, (family.colour_of(k) for family in mixture.families)), "")
        or (palette.NOISE if behind and mixture.k > 1 else "")
        for k, behind in enumerate(mixture.families[0].behind)
    ]
    free = iter(n for n in palette.names(2 * mixture.k + 1, names) if n not in fixed)
    return tuple(name or next(free) for name in fixed)
