"""Records the bytes of buses, lines and sockets as they are: opens them, starts the recorder's process and the captures.

found = record(RecordOptions(output=Path("drive.mcap"), interface="socketcan", channels=["can0"], duration_s=60.0))
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from autonomy.errors import FAIL, INCONCLUSIVE, PASS, UsageError
from autonomy.log.writer import LogWriter
from autonomy.orderly_end import orderly_end
from autonomy.output_folder import prepare
from autonomy.runtime.earlier_logs import keep_unfinished, told_of_earlier
from autonomy.runtime.recorder import Recorder
from autonomy.runtime.segments import AFTER_S, Segments, Snapshots
from drivers.can.frame_filter import FrameFilter
from drivers.can.interface_kind import same_twice
from drivers.can.socketcan import SocketCan
from drivers.can.transport import open_transport
from drivers.ring import Ring
from drivers.serial.live_port import LivePort
from drivers.udp.receiver import UdpReceiver, place_of
from hil.rig.capture import CanCapture, SerialCapture, UdpCapture
from hil.rig.raw_journal import RawJournal, Taps

__all__ = ["RecordOptions", "lines", "record"]

POLL_S = 0.05
MARK_SLOTS = 64


@dataclass
class RecordOptions:
    """`before_s` and `after_s` of snapshots around events; `triggers`: filters of CAN frames that are events. `hardware_stamps`:
    frames have their controller's time where it tells one."""

    output: Path
    interface: str | None = None
    channels: list[str] = field(default_factory=list)
    bit_rate: int | None = None
    lines: dict[str, str] = field(default_factory=dict)
    baud: int = 115200
    sockets: dict[str, str] = field(default_factory=dict)
    duration_s: float | None = None
    segment_s: float | None = None
    before_s: float | None = None
    after_s: float = AFTER_S
    triggers: list[str] = field(default_factory=list)
    events_only: bool = False
    durable: bool = False
    hardware_stamps: bool = False


def record(options: RecordOptions, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Until the duration is over or a signal comes; the account. SIGUSR1 marks an event. Raises UsageError, EnvironmentFault."""
    trigger = _trigger(options)
    if options.output.suffix not in ("", ".mcap"):
        raise UsageError(f"hil record: -o {options.output}: records are written as MCAP; name it {options.output.stem}.mcap")
    if options.output.is_dir():
        raise UsageError(f"hil record: -o {options.output}: is a folder; name the file, such as {options.output / 'drive.mcap'}")
    prepare(options.output.parent)
    for path, kept in keep_unfinished(options.output.with_suffix(".mcap")):
        tell(f"{path}: was never closed, the recording before this ended badly; it is {kept.name} now")
    for line in told_of_earlier(options.output.with_suffix(".mcap")):
        tell(line)
    captures: list[Any] = []
    with contextlib.ExitStack() as stack:
        _open(options, captures, stack)
        taps = Taps([tap for capture in captures for tap in capture.taps], Ring(MARK_SLOTS, 8))
        told = {"importer": "autonomy hil record",
                "clock": "of each controller where it tells one, else utc" if options.hardware_stamps else "utc",
                "buses": ", ".join(f"{number}={name}" for number, name in enumerate(options.channels))}  # fmt: skip
        make = partial(Segments, options.output, lambda path, first_ns: LogWriter(path, told, durable=options.durable),
                       options.segment_s, not options.events_only)  # fmt: skip
        recorder = Recorder(make, taps, journal=partial(_journal, options=options, trigger=trigger))  # before any thread
        began_s = time.monotonic()
        try:
            stopped = threading.Event()
            with orderly_end(stopped.set, lambda: taps.marks.push(time.time_ns().to_bytes(8, "little"))):
                for capture in captures:
                    capture.start()
                tell(f"recording {', '.join(capture.source for capture in captures)} to {options.output}")
                while not stopped.is_set() and any(capture.is_alive() for capture in captures) and not recorder.look():
                    if options.duration_s is not None and time.monotonic() - began_s >= options.duration_s:
                        break
                    stopped.wait(POLL_S)
        finally:
            for capture in captures:
                capture.stop()
            for capture in captures:
                if capture.ident is not None:
                    capture.join()
            accounts = [capture.account() for capture in captures]
            written = recorder.stop()
    return _figures(accounts, captures, written, time.monotonic() - began_s)


def lines(found: dict[str, Any]) -> list[str]:
    """The account for a terminal."""
    from autonomy.cli.can.table import table

    rows = [[item["source"], str(item["received"]), str(item["written"]),
             "not told" if item["lost"] is None else str(item["lost"]), str(item["unrecorded"])]
            for item in found["sources"]]  # fmt: skip
    shown = table(["source", ">received", ">written", ">lost before", ">unrecorded"], rows)
    shown.append(f"files        {', '.join(found['files'])}" if found["files"] else "files        none: no event came")
    if clocks := {item["clock"] for item in found["sources"] if item.get("clock")}:
        shown.append(f"clock        {', '.join(sorted(clocks))}")
    if found["events"]:
        shown.append(f"events       {found['events']}")
    return [*shown, f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _trigger(options: RecordOptions) -> FrameFilter | None:
    if not (options.channels or options.lines or options.sockets):
        raise UsageError("hil record: record what? give -i INTERFACE -c CHANNEL, --serial PORT=DEVICE or --udp SENSOR=PORT")
    if twice := same_twice(options.interface or "", options.channels):
        raise UsageError(f"-c {twice}: given twice; every frame of it would be recorded twice")
    if options.hardware_stamps and (options.interface != "socketcan" or options.lines or options.sockets):
        raise UsageError("--hardware-stamps: is of SocketCAN alone; lines and sockets are stamped by another clock")
    if options.channels and options.interface is None:
        raise UsageError(f"-c {options.channels[0]}: of which interface? give -i, such as -i socketcan")
    if (options.triggers or options.events_only) and options.before_s is None:
        raise UsageError("hil record: events need to know how much before them is wanted: give --before S")
    try:
        return FrameFilter.parse(options.triggers) if options.triggers else None
    except ValueError as error:
        raise UsageError(f"hil record: --trigger: {error}") from None


def _journal(log: Segments, rings: Taps, lines, *, options: RecordOptions, trigger: FrameFilter | None) -> RawJournal:
    snapshots = None if options.before_s is None else Snapshots(log, options.before_s, options.after_s)
    return RawJournal(log, rings, lines, snapshots, trigger)


def _open(options: RecordOptions, captures: list[Any], stack: contextlib.ExitStack) -> None:
    for number, channel in enumerate(options.channels):
        transport = (SocketCan(channel, hardware_stamps=True) if options.hardware_stamps
                     else open_transport(options.interface, channel, options.bit_rate))
        stack.callback(transport.close)
        captures.append(CanCapture(transport, f"{options.interface} {channel}", number))
    for name, device in options.lines.items():
        port = LivePort(device, options.baud)
        port.open()
        stack.callback(port.close)
        captures.append(SerialCapture(port, name))
    for name, place in options.sockets.items():
        receiver = UdpReceiver(*place_of(name, place))
        stack.callback(receiver.close)
        captures.append(UdpCapture(receiver, name))


def _figures(accounts: list[dict], captures: list[Any], written: dict[str, Any], seconds: float) -> dict[str, Any]:
    reasons = []
    for account, capture in zip(accounts, captures, strict=True):
        account["written"] = sum(written["written"].get(tap.topic, 0) for tap in capture.taps)
        if account["lost"]:
            reasons.append(f"{account['source']}: {account['lost']} lost before they could be read")
        if account["unrecorded"]:
            reasons.append(f"{account['source']}: {account['unrecorded']} found no room, the disk is slow")
        if account["error"]:
            reasons.append(account["error"])
        if account["written"] + account["unrecorded"] != account["received"]:
            reasons.append(f"{account['source']}: {account['received']} received, but {account['written']} written")
    verdict, code = ("fail", FAIL) if reasons else ("pass", PASS)
    if not reasons and not any(account["received"] for account in accounts):
        verdict, code, reasons = "inconclusive", INCONCLUSIVE, ["nothing was received"]
    return {"verdict": verdict, "exit_code": code, "reasons": reasons, "sources": accounts, "files": written["files"],
            "events": written["events"], "seconds": seconds}  # fmt: skip
