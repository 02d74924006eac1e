"""`autonomy replay LOG`: the same decisions as on the truck, with their evidence."""

from __future__ import annotations

import argparse
import sys


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="run a recorded log through the stack, bit for bit",
        description="Runs a log in lockstep as fast as it goes. Exit 0 pass, 1 difference, 2 usage, 3 bad or truncated log.",
    )
    parser.add_argument("log", help="an MCAP log (see 'autonomy log convert')")
    parser.add_argument("--config", help="configuration file or packaged name; default: the one the log names")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one configured value"
    )
    parser.add_argument("--start", type=float, metavar="S", help="begin this many seconds after the first record")
    parser.add_argument("--end", type=float, metavar="S", help="stop this many seconds after the first record")
    parser.add_argument(
        "--from",
        dest="mode",
        choices=("auto", "raw", "cuts", "frames", "packets"),
        default="auto",
        help="what drives the ticks: raw bytes on a 10 ms grid, raw bytes and logged cuts, or logged frames; "
        "packets: as auto, and the scans of lidars and radars are processed anew",
    )
    parser.add_argument("--lane-path", metavar="CSV", help="path to keep to: columns x_m,y_m or lat_deg,lon_deg")
    parser.add_argument(
        "--outages", metavar="SPEC", help="drive again without GNSS: at=20:end or duration=60,every=30,from=240,min_speed=12"
    )
    parser.add_argument("--faults", metavar="TOML", help="fault timeline to inject")
    parser.add_argument(
        "--check-determinism", action="store_true", help="run once more in a fresh process and compare every byte"
    )
    parser.add_argument("--ref", metavar="DIR", help="compare field by field with the output of an earlier run")
    parser.add_argument("-o", "--output", metavar="DIR", help="write output.mcap and report.html there")
    parser.add_argument("--no-report", action="store_true", help="write no report.html")
    parser.add_argument("--junit", metavar="FILE", help="write the verdict as JUnit XML")
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from autonomy.cli.outcome import tell
    from autonomy.config import parse_override
    from autonomy.errors import UsageError
    from autonomy.output_folder import prepare
    from autonomy.playback import determinism, difference
    from autonomy.playback.replay import replay
    from autonomy.playback.result import OUTPUT_LOG, as_failed
    from autonomy.report.junit import write_junit
    from autonomy.report.page import write_report

    options = {
        "overrides": dict(parse_override(text) for text in arguments.overrides),
        "start": arguments.start,
        "end": arguments.end,
        "mode": arguments.mode,
        "path_file": arguments.lane_path,
        "faults": arguments.faults,
    }
    output = Path(arguments.output) if arguments.output else None
    if output is not None and arguments.ref and output.resolve() == Path(arguments.ref).resolve():
        raise UsageError(f"--ref {arguments.ref}: the run would overwrite its own reference; give another folder with -o")
    if arguments.junit:
        prepare(Path(arguments.junit).parent)  # before the run, not behind it
    result = replay(
        arguments.log, arguments.config, output_dir=output, outages=arguments.outages, report=not arguments.no_report, **options
    )
    if arguments.check_determinism:
        result.metrics["determinism"] = determinism.check(result, arguments.log, _repeatable(arguments))
        if not result.metrics["determinism"]["equal"]:
            as_failed(result)
    if arguments.ref:
        differences = difference.compare_result(result, Path(arguments.ref) / OUTPUT_LOG)
        result.metrics["reference_run"] = {
            "path": arguments.ref,
            "equal": not differences,
            "differences": difference.table(differences),
        }
        if differences:
            as_failed(result)
    if output is not None and (arguments.check_determinism or arguments.ref):
        result.save(output)  # once more, now that these checks are known
        if result.report_path:
            write_report(output, result, result.tick_times)
    if arguments.junit:
        write_junit(Path(arguments.junit), result.metrics)
    tell(result.metrics, arguments.json)
    if result.verdict == "error":
        print(_why_error(result.metrics), file=sys.stderr)
    return result.exit_code


def _repeatable(arguments: argparse.Namespace) -> list[str]:
    """The options that change the outputs, for the second run."""
    options = [f"--from={arguments.mode}"]
    for name in ("config", "start", "end", "lane_path", "faults"):
        value = getattr(arguments, name)
        if value is not None:
            options.append(f"--{name.replace('_', '-')}={value}")
    return options + [f"--set={text}" for text in arguments.overrides]


def _why_error(metrics: dict) -> str:
    from autonomy.report.verdict import reason

    log = metrics["log"]
    kept = "Everything that can be read was replayed; with -o, output.mcap is a whole log of it."
    return f"autonomy: {log['path']}: {reason(metrics)}. " + (kept if metrics["ticks"] else "")
