"""`hil inject`: opens what the gateway stands in, turns it, and leaves what each fault did beside a cut of the log about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.errors import FAIL, EnvironmentFault, UsageError
from autonomy.faults import timeline
from autonomy.output_folder import prepare
from autonomy.stack import Stack
from drivers.can.interface_kind import is_virtual, same_twice
from drivers.can.transport import open_transport
from drivers.udp.receiver import UdpReceiver
from hil.rig.event_cuts import Event, write_cuts
from hil.rig.gateway import Gateway
from hil.rig.inject_paths import CanPath, GatewayPath, SerialPath, UdpPath
from hil.rig.recorded import SERIAL, UDP
from hil.rig.relays import Relay
from hil.rig.serial_end import Line, is_device
from hil.rig.targets import Target
from hil.rig.witness import Witness

__all__ = ["LOG", "InjectOptions", "inject", "lines"]

NS = 1_000_000_000
PAUSE_S = 2e-4
LOG = "log.mcap"


@dataclass
class InjectOptions:
    """`pairs`: (A, B) of bus 0, 1 ...; `lines` {name: (device, device or path of a pseudo terminal)}; `streams` {name: ((address,
    port), (address, port))}; `processes` {name: pid}. `output`: the folder of log and cuts, None = without."""

    timeline: str
    config: str
    interface: str | None = None
    pairs: list[tuple[str, str]] = field(default_factory=list)
    duration_s: float | None = None
    processes: dict[str, int] = field(default_factory=dict)
    relays: dict[str, Relay] = field(default_factory=dict)
    arm: bool = False
    lines: dict[str, tuple[str, str]] = field(default_factory=dict)
    streams: dict[str, tuple[tuple[str, int], tuple[str, int]]] = field(default_factory=dict)
    baud: int = 115200
    output: Path | None = None


def inject(options: InjectOptions, tell: Callable[[str], None] = lambda line: None, *,
           ended: Callable[[], bool] = lambda: False) -> dict[str, Any]:  # fmt: skip
    """Until the duration is over or `ended`. Raises UsageError, EnvironmentFault."""
    faults = timeline.load(options.timeline)
    if of_truck := faults.of_truck():
        raise UsageError(f"{faults.where(of_truck[0])}: kind = '{of_truck[0].kind}' happens to a truck that drives; use it with "
                         "autonomy hil run")  # fmt: skip
    if not (options.pairs or options.lines or options.streams):
        raise UsageError("hil inject: between what? give -i INTERFACE --between A,B, --serial PORT=A,B or --udp SENSOR=A,B")
    if options.pairs and options.interface is None:
        raise UsageError(f"--between {','.join(options.pairs[0])}: of which interface? give -i, such as -i socketcan")
    for pair in options.pairs:
        if same_twice(options.interface, list(pair)):
            raise UsageError(f"--between {','.join(pair)}: is one channel; frames would go round for ever")
    if (real := _real(options)) and not options.arm:
        raise UsageError(f"hil inject: {real} leaves this machine and may move something; give --arm")
    for name, number in options.processes.items():
        if not Path("/proc", str(number)).exists():
            raise UsageError(f"--process {name}={number}: there is no such process")
    stack = Stack.from_config(options.config)
    with ExitStack() as closing:
        witness, unwritten = None, []
        if options.output is not None:
            prepare(options.output)
            witness = Witness(options.output / LOG, len(options.pairs), list(options.lines), list(options.streams))
            closing.callback(_close, witness, unwritten)
        for relay in options.relays.values():
            closing.callback(relay.close)
        paths = _paths(options, closing)
        for path in paths:
            path.witness = witness
        gateway = Gateway(faults, stack, paths, options.processes, time.monotonic_ns(), options.relays)
        for relay in options.relays.values():
            relay.switch(True)
        tell(f"in {', '.join(path.name for path in paths)}: {len(faults.faults)} faults")
        end_ns = None if options.duration_s is None else gateway.start_ns + round(options.duration_s * NS)
        try:
            now_ns = gateway.start_ns
            while not ended() and (end_ns is None or now_ns < end_ns):
                for line in witness.look() if witness is not None else ():
                    tell(line)
                now_ns = time.monotonic_ns()  # a last turn behind the end: what is due by then happens, however late we are
                if not gateway.turn(now_ns, time.monotonic_ns):
                    time.sleep(PAUSE_S)
        finally:
            gateway.end()
        found = gateway.figures()
    if unwritten:
        found["log"], found["verdict"], found["exit_code"] = None, "fail", FAIL
        found["reasons"] += unwritten
    elif witness is not None:
        _write_cuts(found, gateway.start_ns, witness, options.output)
    return found


def _close(witness: Witness, unwritten: list[str]) -> None:
    """What was injected is worth its account also without a log."""
    try:
        witness.close()
    except EnvironmentFault as fault:
        unwritten.append(str(fault))


def lines(found: dict[str, Any]) -> list[str]:
    """The steps and the account for a terminal."""
    from autonomy.cli.can.table import table

    rows = []
    for step in found["steps"]:
        window = f"{step['start_s']:g} s to " + ("the end" if step["end_s"] is None else f"{step['end_s']:g} s")
        told = ", ".join(f"{count} {name}" for name, count in step["counts"].items() if count) or "nothing"
        rows.append(
            [str(step["number"]), step["source"], step["kind"], window, told + (f" ({step['note']})" if step["note"] else "")]
        )
    counts, delay = found["counts"], found["delay_us"]
    shown = [*table([">step", "source", "kind", "when", "did"], rows), ""]
    shown.append("records      " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    if delay["p50"] is not None:
        shown.append("delay        " + ", ".join(f"{name} {value:.0f}" for name, value in delay.items()) + " us")
    return [*shown, f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _paths(options: InjectOptions, closing: ExitStack) -> list[GatewayPath]:
    """Each is closed with `closing`, also where a later one cannot be opened."""

    def kept(opened):
        closing.callback(opened.close)
        return opened

    paths: list[GatewayPath] = []
    for bus, pair in enumerate(options.pairs):
        paths.append(CanPath(bus, *(kept(open_transport(options.interface, channel)) for channel in pair)))
    for name, (rest, device) in options.lines.items():
        paths.append(SerialPath(name, kept(Line(rest, options.baud)),
                                kept(Line(device, options.baud, makes_terminal=not is_device(device)))))  # fmt: skip
    for name, (rest, device) in options.streams.items():
        paths.append(kept(UdpPath(name, kept(UdpReceiver(*rest)), device)))
    return paths


def _real(options: InjectOptions) -> str | None:
    """The first of what something outside of this machine may hear."""
    for name in (name for pair in options.pairs for name in pair):
        if not is_virtual(options.interface, name):
            return f"{options.interface} {name}"
    targets = [Target(SERIAL, place) for pair in options.lines.values() for place in pair if is_device(place)]
    targets += [Target(UDP, address, port=port) for _, (address, port) in options.streams.values()]
    return next((str(target) for target in targets if target.is_real), None)


def _write_cuts(found: dict[str, Any], start_ns: int, witness: Witness, folder: Path) -> None:
    """The log, and of each step the stretch about it; what the log lacks fails the run."""
    events = [Event(f"step {step['number']} {step['kind']} of {step['source']}", start_ns + round(step["start_s"] * NS),
                    None if step["end_s"] is None else start_ns + round(step["end_s"] * NS))
              for step in found["steps"]]  # fmt: skip
    found["log"] = LOG
    for step, place in zip(found["steps"], write_cuts(witness.path, folder, events), strict=True):
        step["cut"] = place
    if witness.unrecorded:
        found["verdict"], found["exit_code"] = "fail", FAIL
        found["reasons"].append(f"{witness.unrecorded} records found no room in the log, the disk is slow")
