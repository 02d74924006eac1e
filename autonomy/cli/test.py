"""`autonomy test LOGS -o OUT`: replays every log of a folder, judges it, holds it against an earlier run, sums up."""

from __future__ import annotations

import argparse
import json
import sys
import time


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "test",
        help="replay a whole corpus of logs or scenarios and sum it up",
        description="Exit 0 all pass, 1 a log failed or changed against --ref, 2 usage, 3 a log cannot be used, 5 inconclusive.",
    )
    parser.add_argument(
        "logs",
        nargs="+",
        metavar="LOGS",
        help="a folder of logs or scenarios, a list of paths, or one log; with --merge the folders",
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="folder of the results")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="worker processes, default 1")
    parser.add_argument("--ref", metavar="DIR", help="results of an earlier run to hold these against")
    parser.add_argument("--tolerance", metavar="TOML", help="how far fields may lie from the reference's; default: not at all")
    parser.add_argument(
        "--ignore-fields", nargs="+", default=[], metavar="FIELD", help="leave out e.g. ego.position, 'plan.*' or tracks"
    )
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="TEXT",
        help="what every log has to meet, e.g. 'reference.position_rms_m <= 0.45'; repeatable",
    )
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="run the i-th of n parts of the corpus")
    parser.add_argument("--resume", action="store_true", help="go on with the run that OUT holds")
    parser.add_argument("--merge", action="store_true", help="sum up the folders of all shards in OUT instead of running logs")
    parser.add_argument(
        "--keep",
        choices=("nothing", "reports", "all"),
        default="reports",
        help="of each run: nothing, report.html, or output.mcap too (a reference for fields)",
    )
    parser.add_argument("--time-out", type=float, default=600.0, metavar="S", help="end a log that takes longer, default 600 s")
    parser.add_argument("--engine", choices=("process", "ray"), default="process", help="where the workers run")
    parser.add_argument("--config", help="configuration file or packaged name; default: the one each log names")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one configured value"
    )
    parser.add_argument("--start", type=float, metavar="S", help="begin this many seconds after each log's first record")
    parser.add_argument("--end", type=float, metavar="S", help="stop this many seconds after each log's first record")
    parser.add_argument(
        "--from", dest="mode", choices=("auto", "raw", "cuts", "frames", "packets"), default=None, help="what drives the ticks"
    )
    parser.add_argument("--outages", metavar="SPEC", help="drive again without GNSS, as for 'autonomy replay'")
    parser.add_argument("--faults", metavar="TOML", help="fault timeline to inject")
    parser.add_argument("--junit", metavar="FILE", help="write the verdicts as JUnit XML, a case a log")
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from autonomy.corpus import page, results, summary
    from autonomy.corpus.merge import merge
    from autonomy.corpus.run import run as run_corpus
    from autonomy.errors import UsageError
    from autonomy.output_folder import prepare

    began = time.perf_counter()
    output = Path(arguments.output)
    if arguments.junit:
        prepare(Path(arguments.junit).parent)  # before the run, not behind it
    if arguments.merge:
        told = merge(arguments.logs, arguments.output)
    elif len(arguments.logs) > 1:
        raise UsageError(f"test: give one folder, list or log, not {len(arguments.logs)} (shards are summed up with --merge)")
    else:
        try:
            told = run_corpus(_options(arguments), _progress)
        except KeyboardInterrupt:
            print("autonomy: what is finished is kept; go on with --resume", file=sys.stderr)
            raise
    rows = results.read(output)[1]
    if arguments.junit:
        page.write_junit(arguments.junit, told, rows)
    if arguments.json:
        json.dump(told, sys.stdout, allow_nan=False)
        print()
    else:
        print("\n".join(summary.lines(told, rows, output / page.PAGE)))
    seconds = time.perf_counter() - began
    print(f"{told['duration_s'] / 3600:.2f} h of logs in {seconds:.1f} s", file=sys.stderr)
    return told["exit_code"]


def _options(arguments: argparse.Namespace):
    from autonomy.config import parse_override
    from autonomy.corpus import conditions, selection
    from autonomy.corpus.run import Options
    from autonomy.errors import UsageError
    from autonomy.playback import tolerance

    if not 1 <= arguments.jobs <= 1024:
        raise UsageError(f"--jobs {arguments.jobs}: must lie between 1 and 1024")
    if not 0.0 <= arguments.time_out < float("inf"):
        raise UsageError(f"--time-out {arguments.time_out:g}: must be seconds, zero for none")
    if arguments.ref is None and (arguments.tolerance or arguments.ignore_fields):
        raise UsageError("test: --tolerance and --ignore-fields have a meaning with --ref only")
    wanted = {"config": arguments.config, "start": arguments.start, "end": arguments.end, "mode": arguments.mode,
              "outages": arguments.outages, "faults": arguments.faults}  # fmt: skip
    replay = {name: value for name, value in wanted.items() if value is not None}
    if arguments.overrides:
        replay["overrides"] = dict(parse_override(text) for text in arguments.overrides)
    limits = tolerance.load(arguments.tolerance) if arguments.tolerance else tolerance.Tolerances()
    return Options(
        arguments.logs[0], arguments.output, replay,
        tuple(conditions.parse(text, "--condition") for text in arguments.condition),
        arguments.ref, limits.ignoring(arguments.ignore_fields), selection.parse_shard(arguments.shard), arguments.keep,
        arguments.time_out, arguments.jobs, arguments.engine, arguments.resume,
    )  # fmt: skip


def _progress(row: dict, done: int, wanted: int) -> None:
    """A line for every log on a terminal; elsewhere for those that want a look, and for every twentieth part of the run."""
    wants_a_look = row["verdict"] != "pass" or row["change"] == "changed"
    if sys.stderr.isatty() or wants_a_look or done * 20 // wanted != (done - 1) * 20 // wanted:
        change = f", {row['change']}" if row["change"] not in (None, "same") else ""
        print(f"{done}/{wanted} {row['name']}: {row['verdict']}{change}", file=sys.stderr)
