"""`autonomy hil play`: recorded logs as real bytes on real buses, lines and sockets, with an account of each record."""

from __future__ import annotations

import argparse

from autonomy.cli.bit_rate import bit_rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Plays what was recorded - CAN frames, serial bytes, UDP datagrams - at the recorded times, on absolute deadlines. Of "
        "several recordings all begin together. Exit 0 pass, 1 something failed, 5 the rig was late, which says nothing of who "
        "listened."
    )
    parser.add_argument("logs", nargs="+", metavar="LOG", help="what 'autonomy log' opens, or a comma2k19 segment")
    _add_places(parser.add_argument_group("where to"))
    _add_choice(parser.add_argument_group("what"))
    _add_times(parser.add_argument_group("when"))
    _add_verdict(parser.add_argument_group("verdict"))


def _add_places(where) -> None:
    where.add_argument("-i", "--interface", help="of CAN: socketcan, local, virtual, udp_multicast, pcan, kvaser ...")
    where.add_argument("-c", "--channel", dest="channels", action="append", default=[],
                       help="of the first recorded bus; once more for the next")  # fmt: skip
    where.add_argument("--map", dest="maps", action="append", default=[], metavar="[LOG:]BUS=CHANNEL",
                       help="what goes where, instead of in order; 'none' leaves a bus out; LOG counts from 1")  # fmt: skip
    where.add_argument("--serial", dest="lines", action="append", default=[], metavar="PORT=DEVICE|pty",
                       help="a recorded line onto a device, or onto a pseudo terminal whose name is told")  # fmt: skip
    where.add_argument("--baud", type=bit_rate, default=115200, help="of serial devices, default 115200")
    where.add_argument("--udp", dest="addresses", action="append", default=[], metavar="SENSOR=ADDRESS[:PORT]",
                       help="a sensor's datagrams to an address; without a port to the recorded one")  # fmt: skip
    where.add_argument("--arm", action="store_true", help="needed where something outside of this machine can hear it")
    where.add_argument("--dry-run", action="store_true", help="say what one pass would send, open and send nothing")


def _add_choice(what) -> None:
    what.add_argument("--dut-sa", dest="device_addresses", type=source_address, action="append", default=[], metavar="SA",
                      help="J1939 source address (hexadecimal) of the device under test: its frames stay out")  # fmt: skip
    what.add_argument("--no-dut", action="store_true", help="no recorded sender is under test: send the frames of all")
    what.add_argument("--filter", dest="filters", action="append", default=[], metavar="FILTER",
                      help="CAN frames wanted, as 'autonomy can' takes them: id:mask, id~mask, pgn=, sa=, da=, bus=")  # fmt: skip
    what.add_argument("--override", dest="overrides", action="append", default=[], metavar="MESSAGE[@SA].SIGNAL=VALUE",
                      help="this value instead of the recorded one, in the DBC's unit, or 'na'; sent once")  # fmt: skip
    what.add_argument("--dbc", dest="databases", action="append", default=[], metavar="[BUS=]FILE", help="more messages")
    what.add_argument("--j1939", action="store_true", help="take all extended messages of the DBC files as J1939")
    what.add_argument("--protect", dest="protections", action="append", default=[], metavar="MESSAGE:CHECKSUM=KIND[,COUNTER]",
                      help="a checksum signal, its kind and its rolling counter, to be mended (TSC1, XBR: known)")  # fmt: skip


def _add_times(when) -> None:
    when.add_argument("--start", type=float, default=0.0, metavar="S", help="begin this many seconds after the first record")
    when.add_argument("--end", type=float, metavar="S", help="stop this many seconds after the first record")
    when.add_argument("--duration", type=float, metavar="S", help="play this many seconds of the recording")
    when.add_argument("--rate", type=float, default=1.0, metavar="N", help="N times as fast as it was")
    when.add_argument("--loop", action="store_true", help="each recording again when it is over, until Ctrl-C or --for")
    when.add_argument("--for", dest="for_s", type=float, metavar="S", help="end after this many seconds of playing")


def _add_verdict(judge) -> None:
    judge.add_argument("--baseline", type=float, nargs="?", const=5.0, metavar="S",
                       help="first the same deadlines for so long (5 s) without sending: the machine's own lateness")  # fmt: skip
    judge.add_argument("--late-limit", type=float, default=1.0, metavar="MS",
                       help="p99 of lateness beyond which a run is inconclusive, default 1")  # fmt: skip
    judge.add_argument("--patience", type=float, default=100.0, metavar="MS",
                       help="how late a record may become because its target is full, default 100")  # fmt: skip
    judge.add_argument("-o", "--output", metavar="DIR", help="write report.html and result.json there")
    judge.add_argument("--junit", metavar="FILE", help="verdict as JUnit XML")
    judge.add_argument("--json", action="store_true", help="the account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError, LogError, EnvironmentFault."""
    import json
    import sys
    from dataclasses import replace
    from pathlib import Path

    from autonomy.output_folder import prepare
    from hil.rig.play import play
    from hil.rig.play_figures import table_lines
    from hil.rig.play_page import write_page

    options = _options(given)
    for folder in (given.output, given.junit and Path(given.junit).parent):
        if folder:
            prepare(folder)  # not after an hour

    def tell(line: str) -> None:
        print(f"hil: {line}", file=sys.stderr, flush=True)

    baseline = None
    if given.baseline is not None and not given.dry_run:
        baseline = play(replace(options, bare=True, for_s=given.baseline, loop=True), tell)
    found = play(options, tell)
    if baseline is not None:
        found["baseline"] = {name: baseline[name] for name in ("lateness_us", "histogram_us", "seconds")}
    if given.output and not given.dry_run:
        write_page(Path(given.output), found)
    if given.junit:
        from hil.rig.junit import write

        write(given.junit, "play", found)
    if given.json:
        print(json.dumps(found))
    else:
        print("\n".join(table_lines(found)))
    return found["exit_code"]


def _options(given: argparse.Namespace):
    from autonomy.errors import UsageError
    from hil.rig.play import Options
    from hil.rig.targets import Wishes

    for name, value, least in (("start", given.start, 0.0), ("end", given.end, 0.0), ("duration", given.duration, 0.0),
                               ("for", given.for_s, 1e-3), ("baseline", given.baseline, 0.1)):  # fmt: skip
        if value is not None and not least <= value < 1e9:
            raise UsageError(f"--{name} {value:g}: give seconds from {least:g} on")
    if not 1e-3 <= given.rate <= 1e3:
        raise UsageError(f"--rate {given.rate:g}: give 0.001 to 1000 times as fast")
    for name, value in (("late-limit", given.late_limit), ("patience", given.patience)):
        if not 0.0 < value <= 60_000.0:
            raise UsageError(f"--{name} {value:g}: give milliseconds above 0, at most 60000")
    if given.end is not None and given.duration is not None:
        raise UsageError("--end and --duration say the same twice; give one of them")
    end_s = given.end if given.duration is None else given.start + given.duration
    if end_s is not None and end_s <= given.start:
        raise UsageError(f"--end {end_s:g}: must lie behind --start {given.start:g}")
    if given.no_dut and given.device_addresses:
        raise UsageError("--dut-sa and --no-dut exclude each other")
    return Options(
        logs=given.logs, wishes=Wishes(given.interface, given.channels, given.maps, given.lines, given.addresses),
        start_s=given.start, end_s=end_s, for_s=given.for_s, rate=given.rate, loop=given.loop,
        device_addresses=given.device_addresses, no_device=given.no_dut, filters=given.filters, overrides=given.overrides,
        databases=given.databases, protections=given.protections, all_j1939=given.j1939, arm=given.arm, dry_run=given.dry_run,
        patience_s=given.patience / 1e3, late_limit_s=given.late_limit / 1e3, baud=given.baud,
    )  # fmt: skip


def source_address(text: str) -> int:
    """For argparse, hexadecimal. Raises ArgumentTypeError."""
    try:
        address = int(text, 16)
    except ValueError:
        address = -1
    if not 0 <= address <= 0xFD:
        raise argparse.ArgumentTypeError(f"'{text}' is no source address from 00 to FD (hexadecimal)")
    return address
