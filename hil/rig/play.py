"""Plays recordings onto buses, lines and sockets: opens them, keeps their queues filled, and accounts for each record.

found = play(Options(logs=["drive.mcap"], wishes=Wishes("local", ["/tmp/bus0"]), no_device=True))
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError
from drivers.can.frame_filter import FrameFilter
from hil.rig import play_figures
from hil.rig.choice import Choice
from hil.rig.counters import protect
from hil.rig.overrides import Override, Overrides
from hil.rig.recorded import CAN, Recording
from hil.rig.session import Session
from hil.rig.targets import Target, Wishes, assign
from hil.rig.track import Track

__all__ = ["Options", "play"]


@dataclass
class Options:
    """`for_s`: of playing, where `end_s` is of the recording. `device_addresses` and `no_device`: see choice.py."""

    logs: list[str]
    wishes: Wishes
    start_s: float = 0.0
    end_s: float | None = None
    for_s: float | None = None
    rate: float = 1.0
    loop: bool = False
    device_addresses: list[int] = field(default_factory=list)
    no_device: bool = False
    filters: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)
    protections: list[str] = field(default_factory=list)
    all_j1939: bool = False
    arm: bool = False
    dry_run: bool = False
    bare: bool = False
    patience_s: float = 0.1
    late_limit_s: float = 1e-3
    baud: int = 115200


def play(options: Options, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Plays; the figures (docs/rig.md), `exit_code` among them. Raises UsageError, LogError, EnvironmentFault.

    `options.bare` sends nothing and keeps the same deadlines: the machine's own lateness.
    """
    with ExitStack() as stack:
        recordings = []
        for path in options.logs:
            recordings.append(Recording(path, options.start_s, options.end_s))
            stack.callback(recordings[-1].close)
        plan = assign([list(recording.streams) for recording in recordings], options.wishes)
        _check(options, plan.used())
        choice = _choice(options, any(target.kind == CAN for target in plan.used()))
        tracks = [_track(options, number, recording, plan, choice) for number, recording in enumerate(recordings)]
        if options.dry_run:
            for track in tracks:
                _make_all(replace(options, loop=False), track)
            return play_figures.of_dry_run(tracks, options.end_s)
        session = Session(options, tracks)
        stack.callback(session.close)
        session.run(tell)
        return play_figures.of_run(tracks, session, options)


def _check(options: Options, targets: list[Target]) -> None:
    real = [str(target) for target in targets if target.is_real]
    if real and not (options.arm or options.dry_run or options.bare):
        raise UsageError(f"hil play: {', '.join(real)} leaves this machine and may move something; look with --dry-run what "
                         "would be sent, then give --arm")  # fmt: skip


def _choice(options: Options, has_can: bool) -> Choice:
    if has_can and not options.device_addresses and not options.no_device:
        raise UsageError("hil play: who is under test? give --dut-sa SA for each of its J1939 source addresses, whose frames "
                         "stay out, or --no-dut when no recorded sender is")  # fmt: skip
    try:
        wanted = FrameFilter.parse(options.filters) if options.filters else None
    except ValueError as error:
        raise UsageError(f"hil play: --filter: {error}") from None
    return Choice(None if options.no_device else frozenset(options.device_addresses), wanted)


def _track(options: Options, number: int, recording: Recording, plan, choice: Choice) -> Track:
    if options.bare:  # nothing is changed where nothing is sent
        options = replace(options, databases=[], protections=[], overrides=[])
    catalogue = Catalogue.from_options(options.databases, options.all_j1939, {} if options.bare else recording.databases())
    protect(catalogue, options.protections)
    overrides = Overrides([Override.parse(text) for text in options.overrides], catalogue)
    return Track(
        number, recording, plan, choice, catalogue, overrides, rate=options.rate, loop=options.loop and not options.dry_run
    )


def _make_all(options: Options, track: Track) -> None:
    from drivers.can.wire import local_bytes

    for _ in track.due(lambda target, frames: local_bytes(frames)):
        pass
