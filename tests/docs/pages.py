"""The pages of docs/ taken apart: code blocks, links, headings."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROMPT = "$ autonomy"

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page of the documentation, and the README where there is one."""
    readme = ROOT / "README.md"
    return sorted(DOCS.rglob("*.md")) + ([readme] if readme.is_file() else [])


def title(page: Path) -> str:
    """What a page is called in the index: its path in docs/."""
    return page.relative_to(DOCS).as_posix() if page.is_relative_to(DOCS) else page.name


def blocks(page: Path, language: str) -> list[Block]:
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(title(page), name, dedent(text)) for name, text in found if name == language]


def commands(page: Path) -> list[list[str]]:
    """The arguments of every `$ autonomy ...` in the console blocks of a page."""
    lines = [line for block in blocks(page, "console") for line in block.text.splitlines()]
    return [shlex.split(line.removeprefix("$ "), comments=True)[1:] for line in lines if line.startswith(PROMPT)]


def links(page: Path) -> list[str]:
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page get: lower case, spaces to hyphens, other signs dropped."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def first_column(page: Path, heading: str) -> list[str]:
    """The code names in the first column of the tables below a heading, up to the next heading."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    section = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
