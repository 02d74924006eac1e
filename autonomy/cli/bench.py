"""`autonomy bench`: our kernels beside the libraries a user would pick instead, interleaved in one run."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

# Each module has rows() -> [{kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}]
BENCHES = {
    "codec": "CAN decoding against cantools and NumPy",
    "lidar": "lidar packets into points against velodyne-decoder",
    "radar": "radar frames and packets into detections against cantools; own motion and labels against their twins",
    "ego": "ego filter against filterpy and numba",
    "truck": "the truck step: mass, speed, heat, friction, articulation, steering, tyres, wind",
    "faults": "the fault table, all rows",
    "tracks": "the tracker against filterpy and scipy",
    "solver": "the lateral MPC against daqp with condensing",
    "log": "MCAP, candump and BLF against the mcap library and python-can",
    "cruise": "a plan of the predictive cruise control over 3 km",
    "perception": "ground, clusters and voxels of a lidar scan against pypatchworkpp, scikit-learn and kiss-icp",
    "tick": "one call of the tick from Python",
    "replay": "a recorded minute, log reading included, against real time",
    "corpus": "many recorded minutes on one core and on two",
    "loop": "the real-time loop, driving, beside a bare loop on the same deadlines",
    "socketcan": "receiving on SocketCAN beside a plain recvmmsg loop, where there is a vcan0",
    "rig": "playing onto buses beside a bare loop; a bus within a process against python-can",
}
FEWEST_S, MOST_S = 6.0, 3600.0  # of a run: the stack takes over after five
ENTRY_POINT_GROUP = "autonomy.benches"  # modules of packages above this one, with rows() as these
LOOP = "loop"
LARGE = "large"  # takes gigabytes of disk, so only when it is named


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("bench", help="time the kernels against the libraries one would use instead")
    known = f"{', '.join(BENCHES)}, or one that another package brings; all without one; {LARGE}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    parser.add_argument("--gigabytes", type=float, default=20.0, metavar="GB", help=f"size of the log that {LARGE} makes")
    parser.add_argument("--directory", type=Path, metavar="DIR", help=f"where {LARGE} makes its log; default: temporary files")
    parser.add_argument("--seconds", type=float, metavar="S",
                        help=f"length of each of the six runs of {LOOP}; default 120, and 10 when all are run")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON list on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import FAIL, PASS, UsageError

    modules = {name: f"autonomy.bench.{name}" for name in (*BENCHES, LARGE)} | _added()
    unknown = sorted(set(arguments.names) - set(modules))
    if unknown:
        raise UsageError(f"bench: no benchmark '{unknown[0]}'; there are {', '.join(modules)}")
    if not 0.0 < arguments.gigabytes < float("inf"):
        raise UsageError(f"--gigabytes {arguments.gigabytes}: must be above zero")
    if arguments.seconds is not None and not FEWEST_S <= arguments.seconds <= MOST_S:
        raise UsageError(f"--seconds {arguments.seconds:g}: must lie between {FEWEST_S:g} and {MOST_S:g}")
    rows = []
    for name in arguments.names or [name for name in modules if name != LARGE]:
        if name == LARGE:
            rows += import_module(modules[name]).rows(arguments.gigabytes, arguments.directory)
            continue
        print(f"{name}: {BENCHES.get(name, modules[name])} ...", file=sys.stderr)
        rows += _loop_rows(arguments) if name == LOOP else import_module(modules[name]).rows()
    if arguments.json:
        json.dump(rows, sys.stdout)
        print()
    else:
        _print_table(rows)
    return PASS if all(row["met"] in (True, None) for row in rows) else FAIL


def _loop_rows(arguments: argparse.Namespace) -> list[dict]:
    from autonomy.bench import loop

    return loop.rows(arguments.seconds or (loop.SECONDS if arguments.names else loop.QUICK_S))


def _added() -> dict[str, str]:
    """Name -> module of the benchmarks that other packages bring."""
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}


def _print_table(rows: list[dict]) -> None:
    header = f"{'kernel':<44}{'ours':>11}  {'peer':<34}{'peer time':>11}{'ratio':>9}  {'aim':<20}met"
    print(header)
    print("-" * len(header))
    for row in rows:
        peer = f"{row['peer']} {row['peer_version'] or ''}".strip() if row["peer"] else ""
        ratio = f"{row['ratio']:.1f}x" if row["ratio"] is not None else ""
        met = {True: "yes", False: "NO", None: ""}[row["met"]]
        print(
            f"{row['kernel']:<44}{_time(row['ours_ns']):>11}  {peer:<34}{_time(row['peer_ns']):>11}{ratio:>9}  "
            f"{row['aim'] or '':<20}{met}"
        )


def _time(nanoseconds: float | None) -> str:
    if nanoseconds is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"
