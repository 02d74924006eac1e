"""Refuses a compiled module that does not fit the sources beside it.

Cython does not check struct layouts across modules, so every kernel calls `require` when it is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autonomy.errors import StaleBuildError
from autonomy.msg.definitions import layout_hash

REMEDY = "build again with 'make build' (or 'python setup.py build_ext --inplace')"


def require(module_name: str, compiled_hash: int) -> None:
    """Raises StaleBuildError when module and `.msg` files disagree, or when the module's source is newer than its binary."""
    if compiled_hash != layout_hash():
        raise StaleBuildError(f"{module_name} was compiled for other message layouts than autonomy/msg holds now: {REMEDY}")
    binary = Path(sys.modules[module_name].__file__)
    root = Path(__file__).parents[2]
    source = root / "ext" / Path(*module_name.split("."))
    newest = max((path for path in (source.with_suffix(".pyx"), source.with_suffix(".pxd")) if path.exists()),
                 key=lambda path: path.stat().st_mtime, default=None)  # fmt: skip
    if newest is not None and newest.stat().st_mtime > binary.stat().st_mtime:
        raise StaleBuildError(f"{newest.relative_to(root)} is newer than {binary.name}: {REMEDY}")
