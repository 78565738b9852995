"""What the other end of a stream can show: colours, its width, a display that moves."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from emcli import palette
from emcli.report.sheet import Sheet

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 100

#: What a terminal of sixteen colours shows; the nearest of them to our blue would be cyan.
_SIXTEEN = {
    "red": "red", "blue": "bright_blue", "green": "green", "orange": "yellow",
    "purple": "magenta", "pink": "bright_magenta", "cyan": "cyan", "grey": "bright_black",
}  # fmt: skip


def is_terminal(stream: TextIO | None) -> bool:
    """Is someone looking? A dumb terminal counts, a closed stream does not."""
    return stream is not None and stream.isatty()


def moves(stream: TextIO | None) -> bool:
    """Can the stream show a display that rewrites itself? FORCE_COLOR does not make a file move."""
    return is_terminal(stream) and os.environ.get("TERM", "dumb") not in ("dumb", "")


def wants_colour(stream: TextIO | None) -> bool:
    """NO_COLOR wins over FORCE_COLOR, and that over what the stream is."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return moves(stream)


def width_of(stream: TextIO | None) -> int:
    """Columns of the terminal; a pipe gets room enough, or COLUMNS."""
    if is_terminal(stream) or os.environ.get("COLUMNS"):
        import shutil

        return max(shutil.get_terminal_size((80, 24)).columns, 40)
    return PIPE_WIDTH


def to_text(draw: Callable[[Sheet], Any], stream: TextIO | None) -> str:
    """What `draw` prints, in the colours, width and characters that the stream can show."""
    sheet = Sheet(width_of(stream))
    draw(sheet)
    return plain(_painted(sheet) if wants_colour(stream) else sheet.text(), stream)


def _painted(sheet: Sheet) -> str:
    """The page in the colours of the terminal that TERM and COLORTERM describe."""
    from rich.console import Console
    from rich.text import Text

    page = io.StringIO()
    console = Console(
        file=page, width=sheet.width, force_terminal=True, no_color=False, highlight=False,
        markup=False, emoji=False, legacy_windows=False, force_interactive=False,
        force_jupyter=False,
    )  # fmt: skip
    for line in sheet.lines:
        pieces = [(text, _style(style, console)) for text, style in line]
        console.print(Text.assemble(*pieces), soft_wrap=True)
    return "".join(line.rstrip() + "\n" for line in page.getvalue().splitlines())


def _style(style: str, console: Console) -> str:
    """A style of the sheet as rich understands it."""
    before, mark, colour = style.partition("of:")
    return before + style_of(colour, console) if mark else style


def plain(text: str, stream: TextIO | None) -> str:
    """The text without characters that the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    for fancy, simple in (("±", "+-"), ("●", "*"), ("…", "..."), ("×", "x"), ("─", "-")):
        try:
            fancy.encode(encoding)
        except UnicodeEncodeError:
            text = text.replace(fancy, simple)
    return text


def style_of(colour: str, console: Console) -> str:
    """The rich style of a component's colour; a name that means no colour stays plain."""
    from rich.color import Color, ColorParseError

    if console.color_system == "standard" and colour in _SIXTEEN:
        return _SIXTEEN[colour]
    known = palette.HEX.get(colour, palette.GREY if colour == palette.NOISE else colour)
    try:
        Color.parse(known)
    except ColorParseError:
        return "default"
    return known
