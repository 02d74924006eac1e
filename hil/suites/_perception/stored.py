"""Tallies of cases as files, so that a long run that was ended goes on where it was: one file a case, made anew when the code is.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache, partial
from pathlib import Path

from autonomy import config
from hil.suites._perception.case import Case
from hil.suites._perception.measure import measure

ROOT = Path(__file__).parents[3]
PARTS = ("autonomy/perception", "drivers/lidar", "hil/lidar", "hil/suites/_perception")


def tallies(cases: list[Case], jobs: int, folder: Path | None) -> dict[Case, dict]:
    """What was measured of each case, now or before; `folder` None: nothing is kept."""
    from hil.suites._pool import mapped

    if folder is not None:
        folder.mkdir(exist_ok=True)
    found = mapped(partial(one, folder=folder), cases, jobs)
    return dict(zip(cases, found, strict=True))


def one(case: Case, folder: Path | None) -> dict:
    path = None if folder is None else folder / f"{case.name}.json"
    if path is not None and path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["made_by"] == fingerprint():
            return kept["tally"]
    tally = measure(case)
    if path is not None:
        written = path.with_suffix(".part")  # a run that is ended while it writes leaves no half a file
        written.write_text(json.dumps({"made_by": fingerprint(), "tally": tally}) + "\n", encoding="utf-8")
        os.replace(written, path)
    return tally


@cache
def fingerprint() -> str:
    """Of the code, compiled modules included, and of the parameters. Twins compute nothing here."""
    digest = hashlib.sha256(json.dumps(config.load("perception").sections, sort_keys=True).encode())
    for part in PARTS:
        for path in sorted((ROOT / part).glob("*")):
            if path.suffix in (".py", ".so") and not path.stem.endswith("_twin"):
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
