"""No line of the sources is longer than 130 characters: ruff holds the Python files to it and does not see Cython's."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("autonomy", "drivers", "ext", "hil", "tests")
LONGEST = 130


def test_no_source_line_is_longer_than_130_characters():
    sources = [path for folder in FOLDERS for ending in ("py", "pyx", "pxd") for path in (ROOT / folder).rglob(f"*.{ending}")]
    long = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)}"
        for path in sources
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LONGEST
    ]
    assert len(sources) > 500 and long == []
