"""A PTP hardware clock read in four ways, without one: the kernel's structures made here, and held against its header."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from autonomy.errors import EnvironmentFault, UsageError
from drivers.ptp_clock import EXTENDED, OFFSET, PRECISE, PtpClock, clock_id, place_of

S = 1_000_000_000
REALTIME_NS, MONOTONIC_NS, AHEAD_NS = 1_700_000_000 * S, 5_000 * S, 37 * S + 250
HEADER = Path("/usr/include/linux/ptp_clock.h")


class Kernel:
    """Clocks of our making that stand still but for what the test says; `knows`: the requests the driver has."""

    def __init__(self, *knows: int, clock_id_works: bool = True):
        self.knows, self.clock_id_works, self.asked = knows, clock_id_works, []

    def ioctl(self, descriptor: int, request: int, buffer: bytearray) -> None:
        self.asked.append(request)
        if request not in self.knows:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if request == PRECISE:
            self._put(buffer, 0, [REALTIME_NS + AHEAD_NS, REALTIME_NS, 77 * S])
            return
        count = struct.unpack_from("@I", buffer)[0]
        widths = [9000, 400, 2000, 700, 5000][:count]  # ns that each reading took
        times, now_ns = [], REALTIME_NS
        for width in widths:
            triple = [now_ns, now_ns + width // 2 + AHEAD_NS, now_ns + width]
            times += triple if request == EXTENDED or not times else triple[1:]
            now_ns += width + (1000 if request == EXTENDED else 0)
        self._put(buffer, 16, times)

    def gettime_ns(self, clock: int) -> int:
        if clock == time.CLOCK_MONOTONIC:
            return MONOTONIC_NS
        if clock == time.CLOCK_REALTIME:
            return REALTIME_NS
        if not self.clock_id_works:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return REALTIME_NS + AHEAD_NS

    @staticmethod
    def _put(buffer: bytearray, offset: int, times_ns: list[int]) -> None:
        for place, time_ns in enumerate(times_ns):
            struct.pack_into("@qII", buffer, offset + 16 * place, time_ns // S, time_ns % S, 0)


@pytest.fixture
def open_with(tmp_path):
    (tmp_path / "ptp0").write_text("")
    opened = []

    def make(kernel: Kernel) -> PtpClock:
        opened.append(PtpClock("ptp0", tmp_path, ioctl=kernel.ioctl, gettime_ns=kernel.gettime_ns))
        return opened[-1]

    yield make
    for clock in opened:
        clock.close()


@pytest.mark.parametrize(
    ("knows", "method", "sigma_ns"),
    [((PRECISE, EXTENDED, OFFSET), "cross time stamp", 100), ((EXTENDED, OFFSET), "extended offset", 200),
     ((OFFSET,), "offset", 200), ((), "clock id", 1)],
)  # fmt: skip
def test_the_best_way_that_the_driver_knows_is_taken_and_the_shortest_reading(open_with, knows, method, sigma_ns):
    kernel = Kernel(*knows)
    clock = open_with(kernel)
    for _ in range(2):
        reading = clock.read()
        assert (reading.method, reading.sigma_ns) == (method, sigma_ns)
        # What the hardware is ahead of CLOCK_REALTIME, which stands REALTIME_NS - MONOTONIC_NS ahead of the monotonic clock
        assert reading.clock_ns - reading.monotonic_ns == AHEAD_NS + REALTIME_NS - MONOTONIC_NS
    assert kernel.asked.count(PRECISE) == (2 if PRECISE in knows else 1)  # what did not work is not asked for again


def test_a_clock_that_nothing_reads_is_one_sentence(open_with):
    clock = open_with(Kernel(clock_id_works=False))
    with pytest.raises(EnvironmentFault, match="ptp0 cannot be read: Invalid argument"):
        clock.read()
    with pytest.raises(EnvironmentFault, match="no way of reading it is left"):
        clock.read()


def test_a_clock_that_is_not_there_names_those_that_are(tmp_path):
    (tmp_path / "ptp3").write_text("")
    with pytest.raises(EnvironmentFault, match="there are ptp3"):
        PtpClock("ptp0", tmp_path)


def test_the_clock_id_is_that_of_the_system_for_what_is_no_clock(tmp_path):
    """The kernel knows the id for a descriptor's, and says that a file is none."""
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError, match="Invalid argument|Operation not supported"):
        time.clock_gettime_ns(clock_id(file.fileno()))
    assert [clock_id(descriptor) for descriptor in (0, 3)] == [-5, -29]


@pytest.mark.parametrize(("text", "found"), [("ptp0", ("ptp0", "tai")), ("ptp1:utc", ("ptp1", "utc"))])
def test_a_scale_is_tai_unless_it_is_told(text, found):
    assert place_of(text) == found


@pytest.mark.parametrize("text", ["", ":utc", "ptp0:gps", "ptp0:"])
def test_a_scale_that_is_none_is_one_sentence(text):
    with pytest.raises(UsageError, match="write NAME, or NAME:tai or NAME:utc"):
        place_of(text)


@pytest.mark.skipif(not HEADER.exists() or shutil.which("cc") is None, reason="needs linux/ptp_clock.h and a compiler")
def test_requests_and_layouts_are_those_of_the_kernels_header(tmp_path):
    source = tmp_path / "layout.c"
    source.write_text(r"""
        #include <linux/ptp_clock.h>
        #include <stddef.h>
        #include <stdio.h>
        int main(void) {
            printf("%lu %lu %lu ", (unsigned long) PTP_SYS_OFFSET, (unsigned long) PTP_SYS_OFFSET_PRECISE,
                   (unsigned long) PTP_SYS_OFFSET_EXTENDED);
            printf("%zu %zu %zu %zu %zu\n", sizeof(struct ptp_clock_time), offsetof(struct ptp_clock_time, nsec),
                   offsetof(struct ptp_sys_offset, ts), offsetof(struct ptp_sys_offset_extended, ts),
                   offsetof(struct ptp_sys_offset_precise, sys_realtime));
            return 0;
        }""")
    subprocess.run(["cc", "-o", str(tmp_path / "layout"), str(source)], check=True)
    told = subprocess.run([str(tmp_path / "layout")], check=True, capture_output=True, text=True).stdout
    assert [int(word) for word in told.split()] == [OFFSET, PRECISE, EXTENDED, 16, 8, 16, 16, 16]
