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
LEAST_KERNELS = ("autonomy._tick", "autonomy.log._mcap", "drivers.can._codec", "drivers.can._router")
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
    remedy = "build them with 'make build' (needs a C compiler and Python headers)"
    names = kernel_names()
    wrong = []
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return Finding(FAILED, "compiled kernels", wrong[0] + more, remedy)
    from autonomy.msg import layout_hash

    return Finding(GOOD, "compiled kernels", f"{len(names)} modules of layout {layout_hash():016x}")


def kernel_names() -> list[str]:
    """The compiled modules there have to be: those of the sources where they are there, else those that are installed."""
    root = Path(__file__).parents[1]
    found = {".".join(path.relative_to(root / "ext").with_suffix("").parts) for path in (root / "ext").rglob("*.pyx")}
    if not found:
        found = {
            ".".join((*path.relative_to(root).parts[:-1], path.name.partition(".")[0]))
            for package in ("autonomy", "drivers") for path in (root / package).rglob("_*.so")
        }  # fmt: skip
    return sorted(found | set(LEAST_KERNELS))


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
    if wrong := _unmet(declared[""]):
        wanted = " ".join(f"'{name}{condition}'" for name, condition, _ in wrong)
        return [Finding(FAILED, "packages", _words(wrong), f"pip install {wanted}")]
    return [Finding(GOOD, "packages", ", ".join(f"{name} {installed_version(name)}" for name, _ in declared[""]))]


def _extras() -> list[Finding]:
    findings = []
    for extra, packages in requirements().items():
        if not extra:
            continue
        if wrong := _unmet(packages):
            findings.append(Finding(LIMITED, f"extra [{extra}]", _words(wrong), f"pip install 'autonomy[{extra}]'"))
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


def _unmet(packages: list[tuple[str, str]]) -> list[tuple[str, str, str | None]]:
    """(package, condition, installed version) of those that are missing or of a version that the condition excludes."""
    versions = [(name, condition, installed_version(name)) for name, condition in packages]
    return [item for item in versions if item[2] is None or not fits(item[2], item[1])]


def _words(unmet: list[tuple[str, str, str | None]]) -> str:
    missing = [name for name, _, version in unmet if version is None]
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"{name} {version}, needs {condition}" for name, condition, version in unmet if version is not None]
    return ", ".join(parts)


def fits(version: str, condition: str) -> bool:
    """True where a version meets a condition such as `>=2.0,<3`; what cannot be compared counts as met."""
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
    except ImportError:
        return all(_fits_plainly(version, part.strip()) for part in condition.strip("() ").split(",") if part.strip())
    try:
        return SpecifierSet(condition.strip("() ")).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _fits_plainly(version: str, part: str) -> bool:
    match = re.fullmatch(r"(>=|<=|==|!=|>|<|~=)\s*(\d+(?:\.\d+)*)", part)
    if match is None:
        return True
    wanted = tuple(map(int, match[2].split(".")))
    numbers = tuple(map(int, re.match(r"\d+(?:\.\d+)*", version)[0].split("."))) if version[:1].isdigit() else ()
    length = max(len(wanted), len(numbers))
    ours, theirs = numbers + (0,) * (length - len(numbers)), wanted + (0,) * (length - len(wanted))
    if match[1] == "~=":
        return ours >= theirs and numbers[: len(wanted) - 1] == wanted[:-1]
    return {">=": ours >= theirs, "<=": ours <= theirs, "==": ours == theirs, "!=": ours != theirs, ">": ours > theirs,
            "<": ours < theirs}[match[1]]  # fmt: skip


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
