"""Imports run one way: hil -> autonomy -> drivers -> autonomy.msg. And importing the package costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED_IN_DRIVERS = ("autonomy.msg", "autonomy.errors", "autonomy.config", "autonomy.physics", "autonomy.inputs._append")


def imported(path: Path) -> set[str]:
    if path.suffix == ".py":
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found
    words = [line.split() for line in path.read_text().splitlines() if line.startswith(("from ", "cimport ", "import "))]
    return {line[1] for line in words if len(line) > 1}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for ending in ("py", "pyx", "pxd") for path in (ROOT / folder).rglob(f"*.{ending}")]


def test_autonomy_never_imports_hil():
    wrong = {str(p): n for p in sources("autonomy", "ext/autonomy") for n in imported(p) if n == "hil" or n.startswith("hil.")}
    assert wrong == {}


def test_drivers_know_messages_and_errors_only():
    wrong = {
        str(path): name
        for path in sources("drivers", "ext/drivers")
        for name in imported(path)
        if name.split(".")[0] in ("autonomy", "hil") and not name.startswith(ALLOWED_IN_DRIVERS)
    }
    assert wrong == {}


@pytest.mark.parametrize("command", [["-c", "import autonomy"], ["-m", "autonomy", "--help"]])
def test_light_starts_load_no_numpy(command):
    script = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True)
    assert " numpy\n" not in done.stderr, "numpy is imported where it is not needed"
