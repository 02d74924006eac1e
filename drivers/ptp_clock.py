"""A PTP hardware clock (/dev/ptpN) read against our monotonic clock: linux/ptp_clock.h, and the kernel's driver-api/ptp.rst.

    clock = PtpClock("ptp0")
    reading = clock.read()          # Reading(monotonic_ns, clock_ns, sigma_ns, method)

Of four ways the best that the driver knows: PTP_SYS_OFFSET_PRECISE (both clocks latched by hardware), PTP_SYS_OFFSET_EXTENDED
(system time just before and behind each reading of the hardware), PTP_SYS_OFFSET (between readings), and clock_gettime on the
device's own clock id (dynamic POSIX clock). Of several readings the one that took the shortest counts.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from autonomy.errors import EnvironmentFault, UsageError

__all__ = ["EXTENDED", "OFFSET", "PRECISE", "SCALES", "PtpClock", "Reading", "TAI", "UTC", "clock_id", "place_of"]

FOLDER = Path("/dev")
TAI, UTC = "tai", "utc"
SCALES = TAI, UTC
NS = 1_000_000_000
MOST_SAMPLES, SAMPLES = 25, 5  # PTP_MAX_SAMPLES; [D]
CLOCK_TIME = struct.Struct("@qII")  # struct ptp_clock_time: s, ns, reserved
HEAD = struct.Struct("@4I")  # n_samples of the offset structures, and what is reserved
LATCHED_SIGMA_NS = 100  # [M] of a hardware cross time stamp
CLOCKFD = 3  # FD_TO_CLOCKID: include/linux/posix-timers.h
_WRITE, _READ = 1, 2


def _request(direction: int, number: int, size: int) -> int:
    """_IOC of asm-generic/ioctl.h, which x86, ARM and RISC-V have."""
    return direction << 30 | size << 16 | ord("=") << 8 | number


PRECISE_BYTES = 3 * CLOCK_TIME.size + HEAD.size
EXTENDED_BYTES = HEAD.size + 3 * MOST_SAMPLES * CLOCK_TIME.size
OFFSET_BYTES = HEAD.size + (2 * MOST_SAMPLES + 1) * CLOCK_TIME.size
OFFSET = _request(_WRITE, 5, OFFSET_BYTES)
PRECISE = _request(_READ | _WRITE, 8, PRECISE_BYTES)
EXTENDED = _request(_READ | _WRITE, 9, EXTENDED_BYTES)


class Reading(NamedTuple):
    """The hardware's clock said `clock_ns` when CLOCK_MONOTONIC was at `monotonic_ns`."""

    monotonic_ns: int
    clock_ns: int
    sigma_ns: int
    method: str


class PtpClock:
    """`name`: ptp0, or a path. The time sources and the ioctl are the system's. Raises EnvironmentFault."""

    def __init__(self, name: str, folder: Path = FOLDER, *, ioctl: Callable[[int, int, bytearray], object] = fcntl.ioctl,
                 gettime_ns: Callable[[int], int] = time.clock_gettime_ns):  # fmt: skip
        self.path = folder / name
        self._ioctl, self._gettime_ns = ioctl, gettime_ns
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            known = ", ".join(sorted(path.name for path in folder.glob("ptp[0-9]*"))) or "none"
            raise EnvironmentFault(f"PTP clock {self.path} cannot be opened: {error.strerror}; there are {known}") from None
        self._ways = [self._precise, self._extended, self._offset, self._dynamic]

    def read(self) -> Reading:
        """By the best way that works; one that does not is not tried again. Raises EnvironmentFault when none does."""
        reason = ""
        while self._ways:
            try:
                return self._ways[0]()
            except OSError as error:
                reason = error.strerror or str(error)
                del self._ways[0]
        raise EnvironmentFault(f"PTP clock {self.path} cannot be read: {reason or 'no way of reading it is left'}")

    def close(self) -> None:
        os.close(self._descriptor)

    def _precise(self) -> Reading:
        buffer = bytearray(PRECISE_BYTES)
        self._ioctl(self._descriptor, PRECISE, buffer)
        device_ns, system_ns, _ = (_time_at(buffer, place * CLOCK_TIME.size) for place in range(3))
        return Reading(self._monotonic_of(system_ns), device_ns, LATCHED_SIGMA_NS, "cross time stamp")

    def _extended(self) -> Reading:
        times = self._times(EXTENDED, EXTENDED_BYTES, 3 * SAMPLES)
        return self._shortest([tuple(times[place : place + 3]) for place in range(0, len(times), 3)], "extended offset")

    def _offset(self) -> Reading:
        times = self._times(OFFSET, OFFSET_BYTES, 2 * SAMPLES + 1)
        return self._shortest([tuple(times[place : place + 3]) for place in range(0, len(times) - 2, 2)], "offset")

    def _times(self, request: int, size: int, count: int) -> list[int]:
        buffer = bytearray(size)
        HEAD.pack_into(buffer, 0, SAMPLES, 0, 0, 0)
        self._ioctl(self._descriptor, request, buffer)
        return [_time_at(buffer, HEAD.size + place * CLOCK_TIME.size) for place in range(count)]

    def _shortest(self, samples: list[tuple[int, int, int]], method: str) -> Reading:
        """Of (CLOCK_REALTIME before, hardware, CLOCK_REALTIME behind)."""
        before_ns, device_ns, behind_ns = min(samples, key=lambda sample: sample[2] - sample[0])
        middle_ns, half_ns = (before_ns + behind_ns) // 2, (behind_ns - before_ns) // 2
        return Reading(self._monotonic_of(middle_ns), device_ns, max(half_ns, 1), method)

    def _dynamic(self) -> Reading:
        found = []
        for _ in range(SAMPLES):
            before_ns = self._gettime_ns(time.CLOCK_MONOTONIC)
            device_ns = self._gettime_ns(clock_id(self._descriptor))
            found.append((before_ns, device_ns, self._gettime_ns(time.CLOCK_MONOTONIC)))
        before_ns, device_ns, behind_ns = min(found, key=lambda sample: sample[2] - sample[0])
        return Reading((before_ns + behind_ns) // 2, device_ns, max((behind_ns - before_ns) // 2, 1), "clock id")

    def _monotonic_of(self, realtime_ns: int) -> int:
        """CLOCK_MONOTONIC when CLOCK_REALTIME was there, some microseconds ago."""
        before_ns = self._gettime_ns(time.CLOCK_MONOTONIC)
        now_ns = self._gettime_ns(time.CLOCK_REALTIME)
        return (before_ns + self._gettime_ns(time.CLOCK_MONOTONIC)) // 2 - (now_ns - realtime_ns)


def clock_id(descriptor: int) -> int:
    """FD_TO_CLOCKID: the POSIX clock of an open PTP device."""
    return ~descriptor << 3 | CLOCKFD


def place_of(text: str) -> tuple[str, str]:
    """(name, scale) of NAME[:SCALE]; PTP's own scale, TAI, without one. Raises UsageError."""
    name, separator, scale = text.partition(":")
    if not name or (separator and scale not in SCALES):
        raise UsageError(f"--ptp {text}: write NAME, or NAME:{TAI} or NAME:{UTC} for what its grandmaster tells, such as ptp0")
    return name, scale or TAI


def _time_at(buffer: bytearray, offset: int) -> int:
    seconds, nanoseconds, _ = CLOCK_TIME.unpack_from(buffer, offset)
    return seconds * NS + nanoseconds
