"""No line of the sources is longer than 130 characters: ruff holds the Python files to it and does not see Cython's."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("autonomy", "drivers", "ext", "hil", "tests")
LONGEST = 130


def test_no_source_line_is_longer_than_130_characters():
    sources = [path for folder in FOLDERS for ending in ("py", "pyx", "pxd") for path in (ROOT / folder).rglob(f"*.{ending}")]
    found = {path.relative_to(ROOT).as_posix(): sum(len(line) > LONGEST for line in path.read_text(encoding="utf-8").splitlines())
             for path in sources}  # fmt: skip
    assert len(sources) > 500
    assert {path: count for path, count in found.items() if count} == {}, "break these lines (file: how many)"
