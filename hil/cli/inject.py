"""`autonomy hil inject`: the fault timeline on live buses, between the device under test and the rest of the truck."""

from __future__ import annotations

import argparse

from autonomy.cli.bit_rate import bit_rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Passes CAN frames between two channels of each bus, bytes between two ends of a serial line and datagrams on to another "
        "port, with the faults of a timeline in them; kills, hangs, floods, stalls and unplugs as it says. A fault that found "
        "nothing to do makes the run inconclusive."
    )
    parser.add_argument("timeline", metavar="TOML", help="fault timeline, a file or a packaged name (docs/faults.md)")
    parser.add_argument(
        "--config", default="vehicles/demo_truck", metavar="FILE", help="which frames carry what; default vehicles/demo_truck"
    )
    parser.add_argument("-i", "--interface", help="of CAN: socketcan, local, pcan ...")
    parser.add_argument("--between", dest="pairs", action="append", default=[], metavar="A,B",
                        help="channels of bus 0: the rest of the truck, the device under test; once more for bus 1")  # fmt: skip
    parser.add_argument("--serial", dest="lines", action="append", default=[], metavar="PORT=A,B",
                        help="a line: the device to read, the one to write; as B a path below no /dev becomes a pseudo terminal "
                             "that the device under test opens")  # fmt: skip
    parser.add_argument("--baud", type=bit_rate, default=115200, help="of serial devices, default 115200")
    parser.add_argument("--udp", dest="streams", action="append", default=[], metavar="SENSOR=[ADDRESS:]PORT,ADDRESS:PORT",
                        help="datagrams: where they come to, where they go on to")  # fmt: skip
    parser.add_argument("--process", dest="processes", action="append", default=[], metavar="NAME=PID",
                        help="a process that faults may kill or stop")  # fmt: skip
    parser.add_argument("--relay", dest="relays", action="append", default=[], metavar="NAME=PLUGIN[:OPTION]",
                        help="a switch that 'unplug' opens: simulated, or an installed plugin")  # fmt: skip
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds; default: Ctrl-C")
    parser.add_argument("--arm", action="store_true", help="needed where something outside of this machine can hear it")
    parser.add_argument("-o", "--output", metavar="DIR", help="for report.html, junit.xml, result.json, log.mcap and its cuts")
    parser.add_argument("--json", action="store_true", help="steps and account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError, EnvironmentFault."""
    import json
    import sys
    import threading
    from pathlib import Path

    from autonomy.cli.named_places import once
    from autonomy.errors import UsageError
    from autonomy.orderly_end import orderly_end
    from hil.rig.inject import InjectOptions, inject, lines
    from hil.rig.relays import load
    from hil.rig.step_report import write_steps

    pairs = [tuple(text.split(",")) for text in given.pairs]
    wrong = [text for text, pair in zip(given.pairs, pairs, strict=True) if len(pair) != 2 or not all(pair) or pair[0] == pair[1]]
    if wrong:
        raise UsageError(f"--between {wrong[0]}: write A,B with the two channels of a bus")
    if given.duration is not None and not 0.0 < given.duration < 1e9:
        raise UsageError(f"--duration {given.duration:g}: give more than 0 seconds")
    options = InjectOptions(given.timeline, given.config, given.interface, pairs, given.duration,
                            once(map(_process, given.processes), "--process"), once(map(load, given.relays), "--relay"),
                            given.arm, once(map(_line, given.lines), "--serial"), once(map(_stream, given.streams), "--udp"),
                            given.baud, Path(given.output) if given.output else None)  # fmt: skip
    stopped = threading.Event()
    with orderly_end(stopped.set):
        found = inject(options, lambda line: print(f"hil: {line}", file=sys.stderr, flush=True), ended=stopped.is_set)
    if given.output:
        write_steps(Path(given.output), given.timeline, found)
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]


def _line(text: str) -> tuple[str, tuple[str, str]]:
    from autonomy.errors import UsageError

    name, _, places = text.partition("=")
    rest, _, device = places.partition(",")
    if not name or not rest or not device or rest == device:
        raise UsageError(f"--serial {text}: write PORT=A,B with the two ends of a line, such as gnss=/dev/ttyUSB0,/tmp/gnss")
    return name, (rest, device)


def _stream(text: str) -> tuple[str, tuple[tuple[str, int], tuple[str, int]]]:
    from autonomy.errors import UsageError
    from drivers.udp.receiver import ANY_ADDRESS, place_of
    from hil.rig.recorded import UDP
    from hil.rig.targets import Target

    name, _, places = text.partition("=")
    rest, _, device = places.partition(",")
    if not name or not rest or not device:
        raise UsageError(f"--udp {text}: write SENSOR=[ADDRESS:]PORT,ADDRESS:PORT, such as roof=2368,127.0.0.1:2369")
    come, go = place_of(name, rest), place_of(name, device)
    returns = come[1] == go[1] and come[0] in (ANY_ADDRESS, go[0]) and not Target(UDP, go[0], port=go[1]).is_real
    if returns or go[0] == ANY_ADDRESS:
        raise UsageError(f"--udp {text}: datagrams go on to an address and port of their own, such as 127.0.0.1:{go[1]}")
    return name, (come, go)


def _process(text: str) -> tuple[str, int]:
    from autonomy.errors import UsageError

    name, _, number = text.partition("=")
    if not name or not number.isdecimal() or int(number) < 2:
        raise UsageError(f"--process {text}: write NAME=PID, such as stack=4711")
    return name, int(number)
