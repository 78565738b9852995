"""The page about a fit: it stands alone, says what the fit says, and how to make it again."""

from __future__ import annotations

import html
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emcli.cli.main import emcli as group
from emcli.errors import InputError, UsageError

FITS = {
    "faithful.csv": ["-k", "1-3"],
    "death_notices.csv": ["--weight", "frequency", "-m", "poisson", "-k", "2"],
    "penguins.csv": [
        "-m", "gaussian:VVI(bill_length_mm..body_mass_g) + categorical(island, sex)", "-k", "3",
        "--truth", "species",
    ],
    "waiting_binned.csv": ["--interval", "waiting=lower,upper", "--weight", "count", "-k", "2"],
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would fetch, and whether every element is closed."""

    VOID = ("meta", "link", "img", "!doctype")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wanted: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wanted += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(autouse=True)
def _there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)


def emcli(*words: str) -> None:
    """The command, in this process."""
    group.main([*words], standalone_mode=False)


def reported(table: str, *words: str) -> str:
    """The page of a fit of that table."""
    rows = [w for flag in ("--weight", "--interval") for w in _given(words, flag)]
    emcli("fit", table, *words, "-q", "-o", "p.json")
    emcli("report", "p.json", table, *rows, "-o", "r.html")
    return Path("r.html").read_text(encoding="utf-8")


def _given(words: tuple[str, ...], flag: str) -> tuple[str, ...]:
    return words[words.index(flag) : words.index(flag) + 2] if flag in words else ()


@pytest.mark.parametrize("table", FITS)
def test_the_page_stands_alone_and_its_command_makes_the_fit_again(table: str) -> None:
    text = reported(table, *FITS[table])
    page = Page(text)
    assert not page.open
    assert page.wanted and all(one.startswith("data:") for one in page.wanted)
    assert "<script" not in text and "@import" not in text and "url(" not in text
    assert "default-src 'none'" in html.unescape(text) and 'name="viewport"' in text
    before = Path("p.json").read_bytes()
    told = re.search(r"<h2>To do it again</h2>\s*<pre>(.*?)</pre>", text, re.DOTALL)
    assert told
    words = shlex.split(html.unescape(told[1]).replace("params.json", "again.json"))
    assert words[:2] == ["emcli", "fit"]
    emcli(*words[1:], "-q")
    assert Path("again.json").read_bytes() == before


def test_it_says_what_the_summary_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = reported("faithful.csv", *FITS["faithful.csv"])
    said = html.unescape(re.sub("<[^>]+>", "\n", text)).split("\n")
    emcli("show", "p.json")
    for line in capsys.readouterr().out.splitlines():
        for part in re.split(r"\s{2,}", line.strip().removeprefix("p.json: ")):
            assert any(part in one for one in said), part
    assert text.count("<img") == 6
    assert all(name in text for name in ("Strangest rows", "Diagnostics", "gain still to come"))


def test_names_out_of_a_table_are_text(here: Path) -> None:
    rows = (here / "faithful.csv").read_text().split("\n", 1)[1]
    (here / "odd.csv").write_text('"<script>alert(1)</script>",b&c\n' + rows)
    text = reported("odd.csv", "-k", "2")
    assert "<script" not in text and "&lt;script&gt;" in text and "b&amp;c" in text


def test_what_cannot_be_written_is_told_and_leaves_the_old_page(here: Path) -> None:
    emcli("fit", "faithful.csv", "-k", "2", "-q", "-o", "p.json")
    (here / "r.html").write_text("old")
    with pytest.raises(UsageError, match=r"add -o report\.html"):
        emcli("report", "p.json", "faithful.csv")
    with pytest.raises(InputError, match="eruptions"):
        emcli("report", "p.json", "iris.csv", "-o", "r.html")
    assert (here / "r.html").read_text() == "old"
