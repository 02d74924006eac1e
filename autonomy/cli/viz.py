"""`autonomy viz RUN`: how to look at a run in Foxglove, Lichtblick or PlotJuggler; with --rerun, the run as a Rerun recording."""

from __future__ import annotations

import argparse
import json
import sys


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "viz",
        help="look at a run in Foxglove, Lichtblick, PlotJuggler or Rerun",
        description="Without options: says which log to open and which layout to import. -o writes the standard messages alone, "
        "a tenth of the run's log. --rerun writes a Rerun recording, or shows it.",
    )
    parser.add_argument("run", metavar="RUN", help="folder of 'autonomy replay -o', or its output.mcap")
    parser.add_argument("--rerun", action="store_true", help="for Rerun (extra 'viz'): a file, --spawn or --connect")
    parser.add_argument("-o", "--output", metavar="FILE", help="FILE.mcap, or with --rerun FILE.rrd (default: beside the log)")
    parser.add_argument("--spawn", action="store_true", help="with --rerun: open the viewer on this machine and send to it")
    parser.add_argument("--connect", metavar="URL", help="with --rerun: send to a viewer, e.g. rerun+http://127.0.0.1:9876/proxy")
    parser.add_argument(
        "--memory-limit", default="2GB", metavar="SIZE", help="with --spawn: beyond it the viewer drops its oldest data"
    )
    parser.add_argument("--start", type=float, metavar="S", help="begin this many seconds after the first record")
    parser.add_argument("--end", type=float, metavar="S", help="stop this many seconds after the first record")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.errors import PASS

    _check(arguments)
    if arguments.rerun:
        told, lines = _rerun(arguments)
    elif arguments.output:
        told, lines = _extract(arguments)
    else:
        told, lines = _explain(arguments)
    if arguments.json:
        json.dump(told, sys.stdout, allow_nan=False)
        print()
    else:
        print("\n".join(lines))
    return PASS


def _check(arguments: argparse.Namespace) -> None:
    """Raises UsageError for options that do not go together."""
    import re

    from autonomy.errors import UsageError

    if not arguments.rerun and (arguments.spawn or arguments.connect):
        raise UsageError("viz: --spawn and --connect have a meaning with --rerun only; Foxglove opens the log itself")
    if sum(map(bool, (arguments.output, arguments.spawn, arguments.connect))) > 1:
        raise UsageError("viz: give one of -o, --spawn and --connect")
    ending = ".rrd" if arguments.rerun else ".mcap"
    if arguments.output and not arguments.output.endswith(ending):
        raise UsageError(f"-o {arguments.output}: must end in {ending}")
    if not re.fullmatch(r"[1-9]\d*(%|[kKMG]i?B)", arguments.memory_limit):
        raise UsageError(f"--memory-limit {arguments.memory_limit}: write e.g. 2GB or 50%")
    if not (arguments.rerun or arguments.output) and (arguments.start is not None or arguments.end is not None):
        raise UsageError("viz: --start and --end have a meaning with -o or --rerun only")


def _explain(arguments: argparse.Namespace) -> tuple[dict, list[str]]:
    from autonomy.viewers import layout
    from autonomy.viewers.stored import StoredRun
    from autonomy.viewers.views import TRANSFORMS

    with StoredRun(arguments.run) as stored:
        log, has_views = stored.path, TRANSFORMS in stored.reader.topics
    told = {"log": str(log), "layout": str(layout.path()), "has_standard_messages": has_views}
    lines = [f"log           {log}", f"layout        {layout.path()}"]
    if not has_views:
        lines.append(f"missing       the log has no standard messages; autonomy viz {arguments.run} -o view.mcap writes them")
    return told, [
        *lines,
        "Foxglove      open the log as a local file, then Layouts, Import from file: the layout",
        "Lichtblick    the same",
        f"PlotJuggler   plotjuggler --datafile {log}",
        f"Rerun         autonomy viz {arguments.run} --rerun --spawn",
    ]


def _extract(arguments: argparse.Namespace) -> tuple[dict, list[str]]:
    from pathlib import Path

    from autonomy.errors import UsageError
    from autonomy.log.writer import LogWriter
    from autonomy.viewers.stored import StoredRun
    from autonomy.viewers.views import Views

    output = Path(arguments.output)
    with StoredRun(arguments.run, arguments.start, arguments.end) as stored:
        if output.resolve() == stored.path.resolve():
            raise UsageError(f"-o {output}: is the log being read; give another name")
        with LogWriter(output, {"drawn_from": str(stored.path)}) as writer:
            views = Views(writer, stored.vehicle)
            for stretch in _shown(stored):
                if stretch.moments is not None:
                    views.write(stretch.moments)
            counts = writer.counts
        problem = stored.reader.problem
    size = output.stat().st_size
    told = {"log": str(stored.path), "written": str(output), "messages": counts, "bytes": size, "problem": problem}
    lines = [f"written       {output}, {sum(counts.values())} messages, {size / 1e6:.1f} MB"]
    return told, lines + ([f"noted         the run's log ends early: {problem}"] if problem else [])


def _rerun(arguments: argparse.Namespace) -> tuple[dict, list[str]]:
    from pathlib import Path

    from autonomy.viewers import rerun_stream
    from autonomy.viewers.stored import StoredRun

    with StoredRun(arguments.run, arguments.start, arguments.end) as stored:
        output = Path(arguments.output) if arguments.output else stored.path.with_suffix(".rrd")
        if arguments.spawn:
            recording = rerun_stream.to_new_viewer(arguments.memory_limit)
        elif arguments.connect:
            recording = rerun_stream.to_viewer(arguments.connect)
        else:
            recording = rerun_stream.to_file(output)
        ticks = rerun_stream.send(recording, stored, _shown(stored))
        problem = stored.reader.problem
    to_file = not (arguments.spawn or arguments.connect)
    told = {"log": str(stored.path), "written": str(output) if to_file else None, "ticks": ticks, "problem": problem}
    if to_file:
        lines = [f"written       {output}, {ticks} ticks, {output.stat().st_size / 1e6:.1f} MB", f"open with     rerun {output}"]
    else:
        lines = [f"sent          {ticks} ticks to {arguments.connect or 'the viewer'}"]
    return told, lines + ([f"noted         the run's log ends early: {problem}"] if problem else [])


def _shown(stored):
    """The stretches, with progress on stderr."""
    from autonomy.cli.progress import watching

    batches = watching("drawing", stored.reader.start_ns, stored.reader.end_ns)
    return stored.stretches(batches)
