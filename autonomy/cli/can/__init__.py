"""`autonomy can monitor | dump | decode | stats | names | send`: what is on a CAN bus, now or in a recording."""

from __future__ import annotations

import argparse
from importlib import import_module

from autonomy.cli.bit_rate import bit_rate
from autonomy.cli.can.filters import FILTERS

ACTIONS = {
    "monitor": "a table of what is on the bus: last data, rate, age, changed bytes",
    "dump": "frames, one a line, as candump writes them",
    "decode": "messages with names and values, one a line, long J1939 messages put together",
    "stats": "counts, rates, gaps, bus load, transport sessions, share of values that are not available",
    "names": "who is on the bus: address claims, trouble codes, identifications",
    "send": "send a frame, or a message by its name",
}


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "can",
        help="see, decode and send CAN and J1939, live and from recordings",
        description="CAN and J1939, live (-i INTERFACE -c CHANNEL, all that python-can knows) or from a recording.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    added = {name: actions.add_parser(name, help=text, description=text + ".") for name, text in ACTIONS.items()}

    for name, action in added.items():
        if name != "send":
            action.add_argument("words", nargs="*", metavar="LOG | FILTER", help=f"a recording, and filters: {FILTERS}")
        live = action.add_argument_group("live bus")
        live.add_argument("-i", "--interface", help="python-can interface: socketcan, udp_multicast, pcan, kvaser, virtual ...")
        live.add_argument("-c", "--channel", help="its channel, such as can0 or 239.74.163.2")
        live.add_argument("--bitrate", type=bit_rate, metavar="BIT/S", help=_bit_rate_help(name))
        if name == "send":
            continue
        action.add_argument("--start", type=float, metavar="S", help="begin this many seconds after the first frame")
        action.add_argument("--end", type=float, metavar="S", help="stop this many seconds after the first frame")
        action.add_argument("--duration", type=float, metavar="S", help="stop after this many seconds")
        action.add_argument("-n", "--count", type=int, metavar="N", help="stop after this many frames (decode: lines)")
    for name in ("monitor", "decode", "stats", "names", "send"):
        added[name].add_argument(
            "--dbc", action="append", default=[], metavar="[BUS=]FILE",
            help="more messages, for all buses or one; what they name wins over the packaged J1939 table; may be repeated",
        )  # fmt: skip
        added[name].add_argument("--j1939", action="store_true", help="take all extended messages of the DBC files as J1939")

    _add_dump(added["dump"])
    decode = added["decode"]
    _add_time_stamps(decode, "a")
    decode.add_argument("--available", action="store_true", help="leave out values that are not available or in error")
    decode.add_argument("--known", action="store_true", help="leave out messages no table names")
    decode.add_argument(
        "--spn-version", metavar="N", type=int, choices=(1, 2, 3), help="how old senders write the SPN of trouble codes"
    )
    decode.add_argument("--json", action="store_true", help="one JSON object a line")

    monitor = added["monitor"]
    monitor.add_argument("--once", action="store_true", help="one table at the end, no moving picture")
    monitor.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between tables (default 1)")
    monitor.add_argument("--rate", default="1", metavar="N|max", help="play a recording N times as fast as it was (default 1)")
    monitor.add_argument("--width", type=int, metavar="N", help="columns (default: those of the terminal)")

    stats = added["stats"]
    stats.add_argument("--by", choices=("group", "id"), default="group", help="rows by PGN and addresses, or by whole identifier")
    stats.add_argument("--signals", action="store_true", help="how often each value is available")
    stats.add_argument("--json", action="store_true", help="one JSON object on stdout")

    names = added["names"]
    names.add_argument(
        "--spn-version", metavar="N", type=int, choices=(1, 2, 3), help="how old senders write the SPN of trouble codes"
    )
    names.add_argument("--json", action="store_true", help="one JSON object on stdout")

    _add_send(added["send"])


def run(arguments: argparse.Namespace) -> int:
    """Runs one action; returns its exit code. Raises UsageError, LogError, EnvironmentFault."""
    return import_module(f"autonomy.cli.can.{arguments.action}").run(arguments)


def _bit_rate_help(name: str) -> str:
    return "of the bus; for a recording what the load is told of (default 250000)" if name == "stats" else "of the bus"


def _add_time_stamps(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "-t", dest="stamps", choices=("a", "A", "d", "z", "n"), default=default,
        help=f"times: absolute (a), with date in UTC (A), since the last (d) or first (z) line, none (n); default {default}",
    )  # fmt: skip


def _add_dump(parser: argparse.ArgumentParser) -> None:
    _add_time_stamps(parser, "n")
    parser.add_argument("-L", dest="log_format", action="store_true", help="the format of candump's log files")
    parser.add_argument("-l", dest="to_log", action="store_true", help="into candump-<date>.log instead of stdout")
    parser.add_argument("-o", "--output", metavar="FILE", help="into this log file instead of stdout")
    parser.add_argument("-a", dest="as_ascii", action="store_true", help="data as text too")
    parser.add_argument("-x", dest="direction", action="store_true", help="received or sent")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="FRAME | SIGNAL=VALUE",
                        help="a frame as cansend takes it (18FEF100#FF0048FFFFFFFFFF), or the values of --message")  # fmt: skip
    parser.add_argument("--message", metavar="NAME", help="a message of the packaged J1939 table or of --dbc")
    parser.add_argument("--source", metavar="SA", help="its source address, such as 0x00")
    parser.add_argument("--destination", metavar="DA", help="destination address of an addressed message")
    parser.add_argument("--priority", type=int, metavar="P", help="0 to 7; default: that of the table")
    parser.add_argument("--rate", type=float, metavar="HZ", help="repeat this often a second, until Ctrl-C or --count")
    parser.add_argument("-n", "--count", type=int, metavar="N", help="how many times")
    parser.add_argument("--dry-run", action="store_true", help="print the frames, send nothing")
