"""What the results of a file are called: NAME of points, NAME_0000 and so on of packets, NAME@2368_0000 of several lidars.

No two files may give the same name: what the first wrote would be gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from autonomy.errors import UsageError
from autonomy.perception.point_files import is_points

__all__ = ["check_names", "scan_name", "stem_of"]

SUMMARY = "summary"
APART = "perceive them into folders of their own"


def stem_of(path: Path) -> str:
    return path.name[: -len(".pcd.bin")] if path.name.lower().endswith(".pcd.bin") else path.stem


def scan_name(path: Path, whose: str, number: int) -> str:
    """Of a scan of a recording; `whose`: empty, or which of its lidars."""
    return f"{stem_of(path)}{'@' if whose else ''}{whose}_{number:04d}"


def check_names(paths: Sequence[Path]) -> None:
    """Raises UsageError for files whose results would take each other's place, or that of the summary."""
    seen: dict[str, Path] = {}
    for path in paths:
        stem = stem_of(path)
        if path == seen.get(stem):
            raise UsageError(f"{path}: is given twice; give it once")
        if stem in seen:
            raise UsageError(f"{seen[stem]} and {path} would both be written as {stem}.json; {APART}")
        if stem == SUMMARY and is_points(path):
            raise UsageError(f"{path}: would be written as {SUMMARY}.json, the summary of all files; rename the file")
        seen[stem] = path
    for stem, path in seen.items():
        if is_points(path):
            continue
        scans = re.compile(re.escape(stem) + r"(@.+)?_\d{4,}")
        for other, other_path in seen.items():
            is_hidden = scans.fullmatch(other) if is_points(other_path) else other.startswith(f"{stem}@")
            if is_hidden:
                raise UsageError(f"{path} and {other_path} could both be written as {other}.json; {APART}")
