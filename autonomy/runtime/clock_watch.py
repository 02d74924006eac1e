"""What a live run knows of UTC: the time that each GNSS line tells, the pulses between which it does, and a PTP hardware clock.

A message says which second it is and comes some 10 to 150 ms late, by an unknown and unsteady way; a pulse says when a second
begins, to microseconds, and not which. So messages are followed by one filter a line, and pulses, named by the messages, by
another, which is the better one as long as pulses come. A PTP clock says both, in TAI as a rule, and is read once a second.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from autonomy.errors import EnvironmentFault
from autonomy.log.timescales import GPS_EPOCH_UTC_NS, gps_to_utc_ns, tai_to_gps_ns, utc_to_gps_ns
from autonomy.runtime.clock_follower import ClockState, follow, sigma_s, to_source_ns
from drivers.gnss.pulses import Pulses
from drivers.gnss.time_marks import GPS, TimeMark, TimeMarks
from drivers.ptp_clock import TAI, PtpClock, place_of

if TYPE_CHECKING:
    from autonomy.runtime.options import Options
    from autonomy.runtime.serial_reception import SerialReceiver
    from drivers.serial.router import SerialRouter

__all__ = ["ClockWatch", "gps_ns_of", "watch_of"]

MESSAGE_SIGMA_S = 5e-3  # [D] scatter of a message's way: a USB line holds bytes back for 1 to 16 ms
PULSE_SIGMA_S = 20e-6  # [D] of an edge's stamp: an interrupt's latency
NAMING_SIGMA_S = 0.05  # beyond it a message cannot say which second a pulse begins
PULSE_TIME_HOLDS_NS = 1_500_000_000  # of a message that names the next pulse
SECOND_NS = 1_000_000_000
PTP_PERIOD_NS = 1_000_000_000
PPS, PTP = "pps", "ptp"


class ClockWatch:
    """`protocols`: of the serial ports, by name. `ptp`: a clock, and the scale it runs in. `hear` from the receivers' threads,
    `look` often from one other."""

    def __init__(self, protocols: Mapping[str, str], pulses: Pulses | None = None, ptp: tuple[PtpClock, str] | None = None):
        self._marks = {port: TimeMarks(protocol) for port, protocol in protocols.items()}
        self._pulses = pulses
        self._states: dict[str, ClockState] = {}
        self._named: tuple[int, int] | None = None  # when it was told, GPS time of the next pulse
        self._unnamed = 0
        self._failed: str | None = None
        self._ptp = ptp
        self._ptp_failed: str | None = None
        self._ptp_method: str | None = None
        self._ptp_next_ns = self._ptp_unset = 0
        self._lock = threading.Lock()

    @property
    def ports(self) -> list[str]:
        return list(self._marks)

    def hear(self, port: str, time_ns: int, data: bytes) -> None:
        """Bytes of a line that arrived by `time_ns`."""
        with self._lock:
            for mark in self._marks[port].feed(data, time_ns):
                gps_ns = gps_ns_of(mark)
                if mark.of_next_pulse:
                    self._named = mark.received_ns, gps_ns
                else:
                    noise_s = (MESSAGE_SIGMA_S**2 + (mark.accuracy_ns / 1e9) ** 2) ** 0.5
                    self._follow(port, mark.received_ns, gps_ns, noise_s)

    def look(self) -> None:
        """Whether a pulse came, and what the PTP clock says. One that cannot be read any more is told in the figures: no reason
        to stop a truck."""
        self._look_for_pulses()
        self._read_ptp()

    def close(self) -> None:
        if self._ptp is not None:
            self._ptp[0].close()

    def _look_for_pulses(self) -> None:
        if self._pulses is None or self._failed is not None:
            return
        try:
            edge_ns = self._pulses.fresh()
        except EnvironmentFault as error:
            self._failed = str(error)
            return
        if edge_ns is None:
            return
        with self._lock:
            second_ns = self._second_of(edge_ns)
            if second_ns is None:
                self._unnamed += 1
            else:
                self._follow(PPS, edge_ns, second_ns, PULSE_SIGMA_S)

    def _read_ptp(self) -> None:
        if self._ptp is None or self._ptp_failed is not None:
            return
        clock, scale = self._ptp
        try:
            reading = clock.read()
        except EnvironmentFault as error:
            self._ptp_failed = str(error)
            return
        if reading.monotonic_ns < self._ptp_next_ns:
            return
        self._ptp_next_ns, self._ptp_method = reading.monotonic_ns + PTP_PERIOD_NS, reading.method
        if reading.clock_ns < GPS_EPOCH_UTC_NS:  # counts since it was switched on
            self._ptp_unset += 1
            return
        gps_ns = tai_to_gps_ns(reading.clock_ns) if scale == TAI else utc_to_gps_ns(reading.clock_ns)
        with self._lock:
            self._follow(PTP, reading.monotonic_ns, gps_ns, reading.sigma_ns / 1e9)

    def figures(self) -> dict[str, Any]:
        """Per line, for the pulses and for the PTP clock: {"samples", "rejected", "steps", "utc_minus_clock_ns", "sigma_s",
        "rate_ppm"}, as of the last sample; what was of no use beside them; null where nothing told the time."""
        with self._lock:
            found = {
                port: _as_json(self._states.get(port))
                | {"messages": marks.messages, "malformed": marks.malformed, "untimed": marks.untimed}
                for port, marks in self._marks.items()
            }
            if self._pulses is not None:
                found[PPS] = _as_json(self._states.get(PPS)) | {
                    "edges": self._pulses.edges, "missed": self._pulses.missed, "unnamed": self._unnamed,
                    "error": self._failed}  # fmt: skip
            if self._ptp is not None:
                found[PTP] = _as_json(self._states.get(PTP)) | {
                    "scale": self._ptp[1], "method": self._ptp_method, "unset": self._ptp_unset,
                    "ahead_of_line_s": self._ahead_of_line_s(), "error": self._ptp_failed}  # fmt: skip
            return found

    def _ahead_of_line_s(self) -> float | None:
        """The PTP clock less what the best known line says: its way, or whole seconds where a scale is not what was told."""
        state = self._states.get(PTP)
        best = None if state is None else self._best_line(state.time_ns)
        if best is None:
            return None
        return (to_source_ns(state, state.time_ns) - to_source_ns(best, state.time_ns)) / 1e9

    def _follow(self, source: str, monotonic_ns: int, gps_ns: int, noise_s: float) -> None:
        self._states[source] = follow(self._states.get(source), monotonic_ns, gps_ns, noise_s)

    def _second_of(self, edge_ns: int) -> int | None:
        """GPS time of a pulse: as it was told, else the whole second nearest to what the best known line says."""
        if self._named is not None and 0 <= edge_ns - self._named[0] <= PULSE_TIME_HOLDS_NS:
            return self._named[1]
        best = self._best_line(edge_ns)
        if best is None or sigma_s(best, edge_ns) > NAMING_SIGMA_S:
            return None
        return (to_source_ns(best, edge_ns) + SECOND_NS // 2) // SECOND_NS * SECOND_NS

    def _best_line(self, at_ns: int) -> ClockState | None:
        """Of the lines that have told the time the surest one then."""
        known = [state for port, state in self._states.items() if port not in (PPS, PTP)]
        return min(known, key=lambda state: sigma_s(state, at_ns), default=None)


def gps_ns_of(mark: TimeMark) -> int:
    """Its moment in GPS time, which has no leap seconds: one that UTC inserts is an ordinary second here."""
    if mark.scale == GPS:
        return mark.time_ns
    return utc_to_gps_ns(mark.time_ns) + (SECOND_NS if mark.in_leap_second else 0)


def _as_json(state: ClockState | None) -> dict[str, Any]:
    names = ("samples", "rejected", "steps", "utc_minus_clock_ns", "sigma_s", "rate_ppm")
    if state is None:
        return dict.fromkeys(names) | {"samples": 0, "rejected": 0, "steps": 0}
    utc_ns = gps_to_utc_ns(to_source_ns(state, state.time_ns))
    values = (state.accepted, state.rejected, state.steps, utc_ns - state.time_ns, sigma_s(state, state.time_ns), state.rate_ppm)
    return dict(zip(names, values, strict=True))


def watch_of(options: Options, serial: SerialRouter, lines: Sequence[SerialReceiver]) -> ClockWatch:
    """Hears every line that tells a fix, and the pulses and PTP clock that are named. Raises UsageError, EnvironmentFault."""
    pulses = Pulses(options.pulses) if options.pulses else None
    ptp = None
    if options.ptp:
        name, scale = place_of(options.ptp)
        ptp = PtpClock(name), scale
    watch = ClockWatch({item.port: item.protocol for item in serial.config.port if "gnss" in item.kinds}, pulses, ptp)
    for line in lines:
        if line.port_name in watch.ports:
            line.listener = partial(watch.hear, line.port_name)
    return watch
