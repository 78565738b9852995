"""Names of the colours, and how they look: one list for tables, terminals and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from emcli.errors import UsageError

# Grey is kept for the noise component. The values tell apart in print and for colour-blind eyes
# as far as twelve can (after Okabe & Ito 2008, and Tol 2021).
HEX = {
    "red": "#d62728",
    "blue": "#1f77b4",
    "green": "#2ca02c",
    "orange": "#ff7f0e",
    "purple": "#9467bd",
    "brown": "#8c564b",
    "pink": "#e377c2",
    "olive": "#a0a020",
    "cyan": "#17becf",
    "gold": "#e6b400",
    "navy": "#26428b",
    "teal": "#008080",
}
NOISE = "grey"
GREY = "#7f7f7f"


def names(k: int, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """k names, those asked for first; `UsageError` where these cannot be names of colours."""
    if len(set(asked)) < len(asked) or any(not name for name in asked):
        raise UsageError("--colours takes different names", "type --colours red,blue,green")
    if NOISE in asked:
        raise UsageError(f"'{NOISE}' is kept for noise", "choose another colour")
    rest = [name for name in HEX if name not in asked]
    rest += [f"colour{i}" for i in range(len(HEX) + 1, len(HEX) + k + 1)]
    return (*asked, *rest)[:k]


def hexes(colours: Sequence[str]) -> tuple[str, ...]:
    """How colours of these names look; other names (labels, say) get looks that are left over."""
    left = cycle([look for name, look in HEX.items() if name not in colours] or HEX.values())
    return tuple(
        HEX.get(name) or (GREY if name == NOISE else next(left)) for name in colours
    )
