"""`autonomy hil suite`: each suite is a module of hil/suites, each row a figure with the aim it is held against."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="as --list names them; all without one")
    parser.add_argument("--list", action="store_true", help="names and titles, nothing is run")
    parser.add_argument("--quick", action="store_true", help="a smaller grid, the same code")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="processes; the figures do not depend on it")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="plots and tables, a folder a suite; none without it")
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout: suite, figure, value, unit, aim, met")


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 1 when a row misses its aim, 5 when rows lack their recordings. Raises UsageError on an unknown name."""
    import json
    from importlib import import_module

    from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
    from autonomy.output_folder import prepare
    from hil.suites._recordings import is_missing

    names = _names()
    unknown = [name for name in arguments.names if name not in names]
    if unknown:
        raise UsageError(f"hil suite: no suite '{unknown[0]}'; there are {', '.join(names) or 'none yet'}")
    if arguments.jobs < 1:
        raise UsageError(f"--jobs {arguments.jobs}: must be at least 1")
    if arguments.list:
        for name in arguments.names or names:
            print(f"{name:<16}{import_module(f'hil.suites.{name}').TITLE}")
        return PASS
    rows = []
    for name in arguments.names or names:
        suite = import_module(f"hil.suites.{name}")
        print(f"{name}: {suite.TITLE} ...", file=sys.stderr, flush=True)
        output = None if arguments.output is None else arguments.output / name
        if output is not None:
            prepare(output)
        rows += [{"suite": name, **row} for row in suite.rows(quick=arguments.quick, jobs=arguments.jobs, output=output)]
    if arguments.json:
        json.dump(rows, sys.stdout, allow_nan=False)
        print()
    else:
        _print_table(rows)
    if not all(row["met"] in (True, None) for row in rows):
        return FAIL
    missing = [row for row in rows if is_missing(row)]
    for row in missing:
        print(f"{row['suite']}: not measured: {row['figure']}", file=sys.stderr)
    return INCONCLUSIVE if missing else PASS


def _names() -> list[str]:
    folder = Path(__file__).parents[1] / "suites"
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def _print_table(rows: list[dict]) -> None:
    width = max([len(row["figure"]) for row in rows], default=0) + 2
    header = f"{'suite':<14}{'figure':<{max(width, 8)}}{'value':>12}  {'unit':<10}{'aim':<24}met"
    print(header)
    print("-" * len(header))
    for row in rows:
        met = {True: "yes", False: "NO", None: ""}[row["met"]]
        value = "-" if row["value"] is None else f"{row['value']:.4g}"
        print(f"{row['suite']:<14}{row['figure']:<{max(width, 8)}}{value:>12}  {row['unit']:<10}{row['aim']:<24}{met}")
