"""Results of long runs as files, one an argument: a suite that was ended goes on where it was. Made anew when the code is."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ("autonomy", "drivers", "hil", "configs")
CODE = (".py", ".so", ".toml", ".json")


@dataclass(frozen=True)
class Kept:
    """Results in `folder`, made by code of this `fingerprint`."""

    folder: Path
    fingerprint: str

    def result(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """`function(argument)`, computed now or before."""
        called = f"{function.__module__}.{function.__qualname__}".encode() + pickle.dumps(argument)
        path = self.folder / f"{hashlib.sha256(called).hexdigest()[:20]}.pickle"
        if path.exists():
            made_by, found = pickle.loads(path.read_bytes())
            if made_by == self.fingerprint:
                return found
        found = function(argument)
        written = path.with_suffix(".part")  # a run that is ended while it writes leaves no half a file
        written.write_bytes(pickle.dumps((self.fingerprint, found)))
        os.replace(written, path)
        return found


def kept_in(folder: Path, parts: Iterable[str] = PARTS) -> Kept:
    """`parts`: folders of the project whose code and configuration the results depend on. `folder` is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for part in parts:
        for path in sorted((ROOT / part).rglob("*")):
            if path.suffix in CODE and not path.stem.endswith("_twin"):  # twins compute nothing here
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return Kept(folder, digest.hexdigest()[:16])
