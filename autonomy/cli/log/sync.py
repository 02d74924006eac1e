"""`autonomy log sync`: how the log's clock stands to the own times of its sources, and a table that corrects it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "sync",
        help="offset, rate and delay of each source against GNSS time",
        description="Estimates offset and rate of the log's clock against each source that tells its own time, finds clock "
        "jumps, and takes the delays from the ego filter. With -o, a copy of the log carries the correction table; its records "
        "stay as they are. Exit 5: no source tells a time.",
    )
    parser.add_argument("file", metavar="LOG", type=Path)
    parser.add_argument("--config", help="configuration that routes the log's CAN frames; default: the one the log names")
    parser.add_argument("-o", "--output", metavar="OUT.mcap", type=Path, help="a copy of the log with the table in clocks.json")
    parser.add_argument("--no-delays", action="store_true", help="do not run the ego filter")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.log import writing
    from autonomy.errors import INCONCLUSIVE, PASS
    from autonomy.playback import sync

    if arguments.output is not None:
        writing.check_output(arguments, [arguments.file])
    found = sync.estimate(arguments.file, arguments.config, with_delays=not arguments.no_delays)
    if arguments.output is not None:
        sync.copy_with_table(arguments.file, arguments.output, found)
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(_lines(found)))
        if arguments.output is not None:
            print(f"{arguments.output}: the log with its table")
    if any(source["own_time"] for source in found["sources"].values()):
        return PASS
    print(
        f"autonomy: {arguments.file}: no source tells a time of its own to hold the clock against; a recording with GNSS on "
        "CAN needs its DBC: 'autonomy log convert' takes one with --dbc",
        file=sys.stderr,
    )
    return INCONCLUSIVE


def _lines(found: dict) -> list[str]:
    log, scales = found["log"], found["time_scales"]
    lines = [f"{log['path']}: clock '{log['clock']}', {(log['end_ns'] - log['start_ns']) / 1e9:.1f} s"]
    if scales:
        gps, tai = scales["gps_minus_utc_s"], scales["tai_minus_utc_s"]
        lines.append(f"GNSS tells UTC; at its end GPS - UTC = {gps} s, TAI - UTC = {tai} s")
    lines.append(
        f"{'source':<15}{'own time':<10}{'samples':>8}{'offset s':>18}{'rate ppm':>16}{'delay s':>16}"
        f"{'jitter':>9}{'residual':>10}{'follows':>9}{'holdover':>10}{'jumps':>7}"
    )
    for name, source in found["sources"].items():
        rate = _with_sigma(source["rate_ppm"], source["rate_sigma_ppm"], 1)
        delay = _with_sigma(source["delay_s"], source["delay_sigma_s"], 3)
        own = source["own_time"] or "-"
        offset = "-" if source["offset_s"] is None else f"{source['offset_s']:.6f}"
        times = "".join(f"{_ms(source[key]):>{width}}" for key, width in
                        (("jitter_ms", 9), ("residual_ms", 10), ("following_ms", 9), ("holdover_ms", 10)))  # fmt: skip
        jumps = "-" if source["jumps"] is None else str(len(source["jumps"]))
        lines.append(f"{name:<15}{own:<10}{source['samples'] or '-':>8}{offset:>18}{rate:>16}{delay:>16}{times}{jumps:>7}")
        for jump in source["jumps"] or ():
            seconds = (jump["log_ns"] - log["start_ns"]) / 1e9
            lines.append(f"  jump at {seconds:.3f} s: the log's clock went {jump['step_s']:+.6f} s against {name}")
    lines.append(
        "offset: log clock less source clock at the last sample; rate above 0: the log's clock runs fast; delay: against the "
        "IMU, by the ego filter; milliseconds RMS: residual against the table, follows: a sample against what was expected of it "
        "after 120 s of following, holdover: 120 s without samples"
    )
    return lines + found["notes"]


def _with_sigma(value: float | None, sigma: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f} +- {sigma:.{digits}f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
