"""What a machine must have to run the stack: each check says what it found and, where that will not do, how to mend it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import NamedTuple

GOOD, LIMITED, FAILED = "good", "limited", "failed"
OLDEST_PYTHON = (3, 11)
# What -march=x86-64-v3 in setup.py compiles for, as /proc/cpuinfo spells it (abm is LZCNT)
X86_64_V3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}
SPARE_BYTES = 2 << 30  # a few recorded hours, or one benchmark
REQUIREMENT = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?([^;]*)(?:;\s*extra\s*==\s*['\"]([\w-]+)['\"])?")


class Finding(NamedTuple):
    """`state`: good, limited (works, but not all of it) or failed."""

    state: str
    what: str
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """All checks, in the order in which a newcomer should mend them."""
    return [_python(), _processor(), _kernels(), *_packages(), *_extras(), _configurations(), _space(Path.cwd())]


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Finding(FAILED, "Python", found, f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or later")
    return Finding(GOOD, "Python", found)


def _processor(cpuinfo: str | None = None) -> Finding:
    machine = platform.machine()
    if machine == "aarch64":
        return Finding(GOOD, "processor", machine)
    if machine != "x86_64":
        return Finding(LIMITED, "processor", machine, "the kernels are tested on x86_64 and aarch64 only")
    try:
        text = Path("/proc/cpuinfo").read_text() if cpuinfo is None else cpuinfo
    except OSError:
        return Finding(
            LIMITED, "processor", f"{machine}, its abilities are not told", "the kernels need AVX2 and FMA (x86-64-v3)"
        )
    flags = set(next((line.split(":")[1] for line in text.splitlines() if line.startswith("flags")), "").split())
    if missing := sorted(X86_64_V3 - flags):
        return Finding(FAILED, "processor", f"{machine} without {', '.join(missing)}",
                       "the kernels are compiled for x86-64-v3 (2013 and later); use a newer machine")  # fmt: skip
    return Finding(GOOD, "processor", f"{machine}, x86-64-v3")


def _kernels() -> Finding:
    modules = ("autonomy._tick", "autonomy.log._mcap", "drivers.can._codec", "drivers.can._router")
    try:
        for name in modules:
            import_module(name)
    except ImportError as error:
        return Finding(
            FAILED, "compiled kernels", str(error), "build them with 'make build' (needs a C compiler and Python headers)"
        )
    from autonomy.msg import layout_hash

    return Finding(GOOD, "compiled kernels", f"layout {layout_hash():016x}")


def requirements() -> dict[str, list[tuple[str, str]]]:
    """{extra or "": [(package, version condition)]} as the installed package declares them; {} when it is not installed."""
    try:
        declared = metadata.requires("autonomy") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[tuple[str, str]]] = {"": []}
    for line in declared:
        name, condition, extra = REQUIREMENT.match(line).groups()
        found.setdefault(extra or "", []).append((name, condition.strip()))
    return found


def _packages() -> list[Finding]:
    declared = requirements()
    if not declared:
        return [
            Finding(
                LIMITED, "installation", "runs from a folder, not installed", "install with 'pip install -e .' or 'make build'"
            )
        ]
    missing = [f"{name}{condition}" for name, condition in declared[""] if not _version(name)]
    if missing:
        return [Finding(FAILED, "packages", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")]
    return [Finding(GOOD, "packages", ", ".join(f"{name} {_version(name)}" for name, _ in declared[""]))]


def _extras() -> list[Finding]:
    findings = []
    for extra, packages in requirements().items():
        missing = [name for name, _ in packages if not _version(name)]
        if not extra:
            continue
        if missing:
            findings.append(
                Finding(LIMITED, f"extra [{extra}]", f"missing: {', '.join(missing)}", f"pip install 'autonomy[{extra}]'")
            )
        else:
            findings.append(Finding(GOOD, f"extra [{extra}]", "complete"))
    return findings


def _configurations() -> Finding:
    from autonomy import config

    folder = config.directory()
    vehicles = sorted(path.stem for path in (folder / "vehicles").glob("*.toml"))
    if not vehicles:
        return Finding(
            FAILED, "configurations", f"no vehicle in {folder}", "install the package again: its data files are missing"
        )
    return Finding(GOOD, "configurations", f"{folder}: {', '.join(vehicles)}")


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding(LIMITED, "disk", f"{folder} cannot be written", "change to a folder of your own, or give -o DIR")
    if free < SPARE_BYTES:
        return Finding(LIMITED, "disk", found, "free some space: a recorded hour takes 0.5 GB and more")
    return Finding(GOOD, "disk", found)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
