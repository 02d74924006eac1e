"""`autonomy hil record`: the bytes of buses, lines and sockets into a log, with segments and snapshots around events."""

from __future__ import annotations

import argparse

from autonomy.cli.bit_rate import bit_rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Records CAN frames, serial bytes and UDP datagrams as they came, in a process of its own: a slow disk costs records, "
        "which are counted, never the reading. SIGUSR1 marks an event."
    )
    parser.add_argument("-i", "--interface", help="of CAN: socketcan, local, pcan ...")
    parser.add_argument("-c", "--channel", dest="channels", action="append", default=[], help="of bus 0; once more for bus 1")
    parser.add_argument("--bitrate", type=bit_rate, metavar="BIT/S", help="of the buses")
    parser.add_argument("--serial", dest="lines", action="append", default=[], metavar="PORT=DEVICE", help="a line and its name")
    parser.add_argument("--baud", type=bit_rate, default=115200, help="of serial devices, default 115200")
    parser.add_argument("--udp", dest="sockets", action="append", default=[], metavar="SENSOR=[ADDRESS:]PORT",
                        help="datagrams to a port; a multicast address is joined")  # fmt: skip
    parser.add_argument("-o", "--output", default="runs/record.mcap", metavar="FILE", help="default: runs/record.mcap")
    parser.add_argument("--duration", type=float, metavar="S", help="end after this many seconds; default: Ctrl-C or SIGTERM")
    parser.add_argument("--segment", type=float, metavar="S", help="a new file after so many seconds: FILE_0000.mcap ...")
    parser.add_argument("--before", type=float, metavar="S", help="snapshots: so much before an event, FILE_event_0000.mcap")
    parser.add_argument("--after", type=float, metavar="S", help="and so much behind it, default 10")
    parser.add_argument("--trigger", dest="triggers", action="append", default=[], metavar="FILTER",
                        help="CAN frames that are events, as 'autonomy can' takes filters")  # fmt: skip
    parser.add_argument("--events-only", action="store_true", help="write snapshots only")
    parser.add_argument("--durable", action="store_true", help="wait for the disk: a power cut costs no more than a kill")
    parser.add_argument("--hardware-stamps", action="store_true",
                        help="SocketCAN: the controllers' own times where they tell any, and a word on which clock")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the account as one JSON object on stdout")


def execute(given: argparse.Namespace) -> int:
    """Exit code 1 when something was lost. Raises UsageError, EnvironmentFault."""
    import json
    import sys
    from pathlib import Path

    from autonomy.cli.named_places import named_places
    from autonomy.errors import UsageError
    from autonomy.runtime.segments import AFTER_S
    from hil.rig.record import RecordOptions, lines, record

    for name, value in (
        ("duration", given.duration),
        ("segment", given.segment),
        ("before", given.before),
        ("after", given.after),
    ):
        if value is not None and not 0.0 < value < 1e9:
            raise UsageError(f"--{name} {value:g}: give more than 0 seconds")
    if given.after is not None and given.before is None:
        raise UsageError(f"--after {given.after:g}: behind events that are not asked for; give --before S too")
    found = record(
        RecordOptions(
            output=Path(given.output), interface=given.interface, channels=given.channels, bit_rate=given.bitrate,
            lines=named_places(given.lines, "--serial"), baud=given.baud, sockets=named_places(given.sockets, "--udp"),
            duration_s=given.duration, segment_s=given.segment, before_s=given.before,
            after_s=AFTER_S if given.after is None else given.after,
            triggers=given.triggers, events_only=given.events_only, durable=given.durable,
            hardware_stamps=given.hardware_stamps,
        ),
        tell=lambda line: print(f"hil: {line}", file=sys.stderr, flush=True),
    )  # fmt: skip
    print(json.dumps(found) if given.json else "\n".join(lines(found)))
    return found["exit_code"]
