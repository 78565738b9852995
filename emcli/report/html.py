"""A sheet as HTML: its lines are paragraphs, its tables are tables, its styles are CSS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from emcli.report.sheet import Column, Sheet, printable

#: Cells that a table may be wide before it is laid out otherwise: a printed page has so many.
_WIDTH = 92
_STYLES = {"bold": "font-weight:600", "dim": "color:#666", "yellow": "color:#8a5a00"}


class HtmlSheet(Sheet):
    """What is to stand on a page, piece by piece; looks: `#rrggbb` of each component's colour."""

    def __init__(self, looks: Mapping[str, str]) -> None:
        super().__init__(_WIDTH)
        self.looks = looks
        self.pieces: list[str] = []

    def line(self, text: str = "", style: str = "") -> None:
        self.whole((text, style))

    def whole(self, *pieces: tuple[str, str]) -> None:
        text = "".join(self._styled(part, style) for part, style in pieces)
        if text:
            self.pieces.append(f"<p>{text}</p>")

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        gap: int = 3,
        head: str = "bold",
        styles: Mapping[int, str] | None = None,
    ) -> None:
        heads = "".join(self._cell("th", c, c.head, c.style) for c in columns)
        lines = [f"<tr>{heads}</tr>"] if any(c.head for c in columns) else []
        for number, row in enumerate(rows):
            own = (styles or {}).get(number, "")
            cells = [self._cell("td", c, text, own) for c, text in zip(columns, row, strict=True)]
            lines.append(f"<tr>{''.join(cells)}</tr>")
        self.pieces.append(f'<div class="wide"><table>{"".join(lines)}</table></div>')

    def heading(self, text: str, level: int = 2) -> None:
        """A heading."""
        self.pieces.append(f"<h{level}>{_text(text)}</h{level}>")

    def code(self, text: str) -> None:
        """What is to be typed, or a file's content."""
        self.pieces.append(f"<pre>{_text(text, lines=True)}</pre>")

    def facts(self, found: Mapping[str, Any]) -> None:
        """Names and what there is to say of them."""
        told = [[name, str(value)] for name, value in found.items()]
        self.table([Column(), Column()], told)

    def picture(self, kind: str, data: str, words: str) -> None:
        """A picture in the page itself; kind: its media type; data: in base 64."""
        self.pieces.append(f'<img alt="{_text(words)}" src="data:{kind};base64,{data}">')

    def _cell(self, tag: str, column: Column, text: str, style: str) -> str:
        side = ' class="right"' if column.right else ""
        return f"<{tag}{side}>{self._styled(text, style)}</{tag}>"

    def _styled(self, text: str, style: str) -> str:
        """Text in a style of the sheet's: rich's words, or `of:` a component."""
        found = _text(text)
        looks = {f"of:{name}": f"color:{look}" for name, look in self.looks.items()}
        rules = [rule for word, rule in (_STYLES | looks).items() if word in style]
        return f'<span style="{";".join(rules)}">{found}</span>' if rules and found else found

    def text(self) -> str:
        return "\n".join(self.pieces)


def _text(text: str, lines: bool = False) -> str:
    """Text of a page: names out of a table cannot command the browser."""
    if lines:
        return "\n".join(escape(printable(line)) for line in text.splitlines())
    return escape(printable(text))
