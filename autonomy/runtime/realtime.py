"""Makes the calling thread a real-time one, and says what of that the machine refused.

The stack arms only when every finding is good: a loop that wakes late now and then brakes late now and then.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

PRIORITY = 80  # SCHED_FIFO: above threaded interrupts (50), below the kernel's own watchdogs (99)
COARSEST_CLOCK_S = 1e-6
# Clocks of x86 and ARM that count by themselves; `jiffies` and its kin count timer interrupts
STEADY_CLOCKS = {"tsc", "hpet", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}
CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
LATENESS_P99_LIMIT_S = 1e-3  # a tenth of the period; the bare loop under SCHED_FIFO has 0.06 ms [C]
TRIAL_TICKS, TRIAL_PERIOD_NS = 50, 2_000_000  # [D] a tenth of a second, before the first output
MCL_CURRENT, MCL_FUTURE = 1, 2  # sys/mman.h
PR_SET_TIMERSLACK = 29  # linux/prctl.h


class Finding(NamedTuple):
    """`remedy` is empty where all is well."""

    what: str
    found: str
    remedy: str = ""

    @property
    def good(self) -> bool:
        return not self.remedy


def enter(priority: int = PRIORITY, cpu: int | None = None) -> list[Finding]:
    """Scheduling, processor, memory and timers of the calling thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    gc.collect()
    gc.freeze()
    locked = _locked(libc)  # before the priority: it takes a tenth of a second of a processor, which others may need
    return [_scheduled(priority), _pinned(cpu), locked, _timers(libc), clock()]


@contextlib.contextmanager
def elsewhere(cpu: int | None) -> Iterator[None]:
    """The calling thread, and what it starts, keep off the loop's processor: a kernel without full preemption does not leave a
    long system call of theirs for the loop. With one processor, or none named, nothing changes."""
    before = os.sched_getaffinity(0)
    if not (others := before - {cpu}) or others == before:
        yield
        return
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def processors() -> list[int]:
    """That this process may ask for; those it was given may be fewer, where whoever started it keeps off one for us."""
    given = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # the kernel takes out what is not allowed
        return sorted(os.sched_getaffinity(0))
    finally:
        os.sched_setaffinity(0, given)


def process_start_ns() -> int:
    """CLOCK_MONOTONIC when this process began, to 10 ms: what a service manager waits from."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    since_boot_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # starttime, proc(5)
    return time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + round(since_boot_s * 1e9)


def raise_priority(priority: int) -> None:
    """SCHED_FIFO for a thread around the loop, where that is allowed; 0 leaves it as it is."""
    if priority > 0:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def leave() -> None:
    """The calling thread back among all others."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _scheduled(priority: int) -> Finding:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return Finding("scheduling", f"SCHED_FIFO {priority} refused: {error.strerror} (RLIMIT_RTPRIO is {limit})",
                       f"run as root, with CAP_SYS_NICE, or with 'rtprio {priority}' in /etc/security/limits.conf")  # fmt: skip
    return Finding("scheduling", f"SCHED_FIFO {priority}")


def _pinned(cpu: int | None) -> Finding:
    if cpu is None:
        return Finding("processor", f"any of {len(os.sched_getaffinity(0))}")
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError, OverflowError) as error:
        allowed = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        return Finding("processor", f"CPU {cpu} refused: {getattr(error, 'strerror', None) or error}",
                       f"give --cpu one of {allowed}")  # fmt: skip
    return Finding("processor", f"CPU {cpu}")


def _locked(libc) -> Finding:
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE):
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        return Finding("memory", f"mlockall refused: {os.strerror(ctypes.get_errno())} (RLIMIT_MEMLOCK is {limit} bytes)",
                       "run as root, with CAP_IPC_LOCK, or with 'memlock unlimited' in /etc/security/limits.conf")  # fmt: skip
    return Finding("memory", "locked")


def _timers(libc) -> Finding:
    if libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0):
        return Finding("timer slack", f"refused: {os.strerror(ctypes.get_errno())}", "use Linux 2.6.28 or newer")
    return Finding("timer slack", "1 ns")


def clock(source: Path = CLOCK_SOURCE) -> Finding:
    """Whether the monotonic clock counts finely and by itself."""
    resolution_s = time.clock_getres(time.CLOCK_MONOTONIC)
    try:
        name = source.read_text().strip()
    except OSError:
        name = "unknown"
    found = f"{name}, resolution {resolution_s * 1e9:.0f} ns"
    if resolution_s > COARSEST_CLOCK_S or name not in STEADY_CLOCKS:
        return Finding("clock", found, f"boot with one of {', '.join(sorted(STEADY_CLOCKS))} (clocksource=tsc)")
    return Finding("clock", found)


def lateness(late_ns: np.ndarray) -> Finding:
    """What a trial of waking on deadlines says."""
    p99_s = float(np.percentile(late_ns, 99)) / 1e9
    found = f"p99 {p99_s * 1e3:.3f} ms over {len(late_ns)} wake-ups"
    if p99_s > LATENESS_P99_LIMIT_S:
        return Finding("wake-ups", found, f"below {LATENESS_P99_LIMIT_S * 1e3:g} ms is needed: a kernel with PREEMPT_RT, less "
                       "load, or a processor of its own (isolcpus, --cpu)")  # fmt: skip
    return Finding("wake-ups", found)
