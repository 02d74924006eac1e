"""`autonomy run`: the stack on live buses, as a real-time loop."""

from __future__ import annotations

import argparse
import json
import sys


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run the stack on live CAN buses, in shadow or in active mode",
        description="Ticks 100 times a second on live buses and records what it took and said: DIR/run.mcap replays to the same "
        "outputs. Exit 0 pass, 1 something was lost, 4 not armed, 5 the timing was not good enough for a verdict.",
    )
    parser.add_argument("--config", required=True, help="configuration file or packaged name")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one configured value"
    )
    parser.add_argument("--mode", choices=("shadow", "active"), default="shadow",
                        help="shadow (default) decides and records; active sends the commands too")  # fmt: skip
    parser.add_argument("-i", "--interface", required=True, help="socketcan, local, or one of python-can (kvaser, pcan ...)")
    parser.add_argument("-c", "--channel", dest="channels", action="append", required=True,
                        help="of bus 0; once more for bus 1, and so on")  # fmt: skip
    parser.add_argument("--serial", dest="devices", action="append", default=[], metavar="PORT=DEVICE",
                        help="where a serial port of the configuration is, best below /dev/serial/by-id")  # fmt: skip
    parser.add_argument("--udp", dest="sockets", action="append", default=[], metavar="SENSOR=[ADDRESS:]PORT",
                        help="where a lidar or radar sends to; default: its own port, all addresses")  # fmt: skip
    parser.add_argument("--pulses", metavar="NAME", help="of a GNSS receiver, a second each, such as pps0 below /sys/class/pps")
    parser.add_argument("--ptp", metavar="NAME[:SCALE]",
                        help="a PTP hardware clock, such as ptp0, that ptp4l keeps; SCALE tai (default) or utc")  # fmt: skip
    parser.add_argument("--duration", type=float, metavar="S", help="end after this many seconds; default: Ctrl-C or SIGTERM")
    parser.add_argument("--lane-path", metavar="CSV", help="path to keep to: columns x_m,y_m or lat_deg,lon_deg")
    parser.add_argument("--route", metavar="FILE", help="of 'autonomy route learn': with predictive cruise control on it")
    parser.add_argument("--set-speed", type=float, metavar="MPS", help="default: replay.set_speed_mps of the configuration")
    parser.add_argument(
        "--allow-soft-realtime",
        action="store_true",
        help="arm active mode although the machine gives no real time: for benches, never for a vehicle",
    )
    parser.add_argument(
        "--lockstep",
        action="store_true",
        help="the rig tells the time over the bus: as fast as the machine, equal bit for bit; for benches",
    )
    parser.add_argument("--priority", type=int, default=80, metavar="N", help="of SCHED_FIFO, 1 to 98, default 80")
    parser.add_argument("--cpu", type=int, metavar="N", help="the loop has this processor for itself, all else the others")
    parser.add_argument("-o", "--output", metavar="DIR", default="runs/live", help="default: runs/live")
    parser.add_argument("--segment", type=float, metavar="S", help="begin a new file after so many seconds; default: one file")
    parser.add_argument("--before", type=float, metavar="S",
                        help="around each event (minimal-risk manoeuvre, SIGUSR1) a file of its own, so much before it")
    parser.add_argument("--after", type=float, metavar="S", help="... and so much behind it; default 10")
    parser.add_argument("--events-only", action="store_true", help="write nothing but these files")
    parser.add_argument("--durable", action="store_true",
                        help="the recorder waits for the disk: a power cut costs less than a second")  # fmt: skip
    parser.add_argument("--telemetry", metavar="[ADDRESS:]PORT",
                        help="a live view for Foxglove (ws://) on that port, from a process of its own; address: 127.0.0.1")
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object on stdout")


LONGEST_S = 1e8  # three years


def run(arguments: argparse.Namespace) -> int:
    """Raises UsageError, BadInputError, EnvironmentFault."""
    from pathlib import Path

    from autonomy.cli.named_places import named_places
    from autonomy.config import parse_override
    from autonomy.errors import UsageError
    from autonomy.output_folder import writing
    from autonomy.runtime import figures, realtime
    from autonomy.runtime.live import FIGURES
    from autonomy.runtime.live import run as run_live
    from autonomy.runtime.options import Options, telemetry_place
    from autonomy.runtime.segments import AFTER_S

    if arguments.duration is not None and not 0.0 < arguments.duration <= LONGEST_S:
        raise UsageError(f"--duration {arguments.duration:g}: give more than 0 and at most {LONGEST_S:g} s, or leave it out")
    if arguments.cpu is not None and arguments.cpu not in (there := realtime.processors()):
        raise UsageError(f"--cpu {arguments.cpu}: this machine gives this process the processors {', '.join(map(str, there))}")
    devices = named_places(arguments.devices, "--serial", "PORT=DEVICE, such as gnss=/dev/serial/by-id/usb-...")
    sockets = named_places(arguments.sockets, "--udp", "SENSOR=PORT or SENSOR=ADDRESS:PORT, such as roof=2368")
    if not 1 <= arguments.priority <= 98:
        raise UsageError(f"--priority {arguments.priority}: give 1 to 98; 99 is the kernel's own")
    if arguments.set_speed is not None and not 0.0 <= arguments.set_speed <= 40.0:
        raise UsageError(f"--set-speed {arguments.set_speed:g}: give m/s from 0 to 40")
    for name, least in (("segment", 1.0), ("before", 0.0), ("after", 0.0)):
        value = getattr(arguments, name)
        if value is not None and not least <= value <= 86_400.0:
            raise UsageError(f"--{name} {value:g}: give {least:g} to 86400 seconds")
    if arguments.after is not None and arguments.before is None:
        raise UsageError(f"--after {arguments.after:g}: behind events that are not asked for; give --before S too")
    if arguments.events_only and arguments.before is None:
        raise UsageError("--events-only: how much before an event is wanted? give --before S")
    found = run_live(
        Options(
            config=arguments.config, interface=arguments.interface, channels=arguments.channels, mode=arguments.mode,
            duration_s=arguments.duration, output=Path(arguments.output), path_file=arguments.lane_path,
            route_file=arguments.route,
            overrides=dict(parse_override(text) for text in arguments.overrides), set_speed_mps=arguments.set_speed,
            allow_soft=arguments.allow_soft_realtime, priority=arguments.priority, cpu=arguments.cpu,
            lockstep=arguments.lockstep, devices=devices, sockets=sockets, pulses=arguments.pulses,
            ptp=arguments.ptp,
            segment_s=arguments.segment, before_s=arguments.before,
            after_s=AFTER_S if arguments.after is None else arguments.after,
            events_only=arguments.events_only, durable=arguments.durable,
            telemetry=None if arguments.telemetry is None else telemetry_place(arguments.telemetry),
        ),
        tell=lambda line: print(f"run: {line}", file=sys.stderr, flush=True),
    )  # fmt: skip
    with writing(arguments.output):
        (Path(arguments.output) / FIGURES).write_text(json.dumps(found, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(figures.lines(found)))
    return found["exit_code"]
