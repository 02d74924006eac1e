"""Runs fuzz targets guided by coverage, with atheris: `python -m tests.fuzz.run NAME ... | all --seconds N [--corpus DIR]`.

The Python behind a target is instrumented. The compiled kernels are not: a kernel is seen through the Python that calls it,
and its memory errors by the sanitizers, under which `make fuzz` runs it. Inputs that add coverage stay in the corpus
folder and are the start of the next run; one that fails is written there too and belongs into tests/fuzz/seeds/NAME.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from tests.fuzz.scratch import MEMORY

SLOWEST_S = 25  # an input that takes longer hangs
MOST_MEMORY_MB = 2048
INSTRUMENTED = ("autonomy", "drivers", "cantools", "rosbags")
KEPT = Path(__file__).with_name("seeds")
FAILED = "failed-"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description="fuzz readers and codecs with atheris")
    parser.add_argument("names", nargs="+", metavar="NAME", help="targets, or all; 'list' names them")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"), help="one folder a target below it (build/fuzz)")
    parser.add_argument("--json", action="store_true", help="one line of JSON a target on stdout")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        import atheris
    except ImportError:
        print("fuzzing needs atheris, which is not installed; install it with pip install -e '.[fuzz]'", file=sys.stderr)
        return 4
    if options.inside:
        return _fuzz(atheris, options.names[0], options.seconds, options.corpus)
    from tests.fuzz.targets import TARGETS

    if options.names == ["list"]:
        print("\n".join(TARGETS))
        return 0
    names = list(TARGETS) if options.names == ["all"] else options.names
    if unknown := [name for name in names if name not in TARGETS]:
        print(f"no target {unknown[0]}; known: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    found = [_run(name, options) for name in names]
    return 1 if any(result["failed"] for result in found) else 0


def _run(name: str, options: argparse.Namespace) -> dict:
    """One target in a process of its own, which a crash may end."""
    corpus = options.corpus / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.fuzz.run", name, "--inside", "--seconds", str(options.seconds)]
        done = subprocess.run([*command, "--corpus", str(corpus)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", env=os.environ | {"FUZZ_SCRATCH": folder})  # fmt: skip
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\s", done.stdout, re.MULTILINE)
    features = re.findall(r"\bft: (\d+)", done.stdout)
    result = {
        "target": name, "executions": int("".join(executions[-1])) if executions else 0,
        "features": int(features[-1]) if features else 0, "failed": done.returncode != 0,
    }  # fmt: skip
    words = f"{name:22}{result['executions']:>10} executions{result['features']:>8} features" + "  FAILED" * result["failed"]
    print(json.dumps(result) if options.json else words, flush=True)
    if result["failed"]:
        print(done.stdout[-6000:], file=sys.stderr)
    return result


def _fuzz(atheris, name: str, seconds: int, corpus: Path) -> int:
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        for module in target.modules:
            importlib.import_module(module)
    kept = sorted((KEPT / name).glob("*"))
    for number, data in enumerate([*target.seeds(), *(path.read_bytes() for path in kept)]):
        (corpus / f"seed-{number}").write_bytes(data)
    atheris.Setup(
        [name, str(corpus), f"-max_total_time={seconds}", f"-max_len={target.largest}", f"-timeout={SLOWEST_S}",
         f"-rss_limit_mb={MOST_MEMORY_MB}", f"-artifact_prefix={corpus}/{FAILED}", "-print_final_stats=1"],
        target.run,
    )  # fmt: skip
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
