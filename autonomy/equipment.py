"""What a truck's computer has beside the program: real time, CAN, serial lines, clocks, lidar. `autonomy doctor --rt --can ...`.

Each function examines one of them and returns findings as autonomy.diagnosis does. Nothing is sent and nothing is set but the
scheduling of a thread that ends with the trial.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import threading
import time
from collections import Counter
from pathlib import Path

from autonomy.diagnosis import FAILED, GOOD, LIMITED, Finding
from autonomy.errors import EnvironmentFault
from autonomy.log.timescales import GPS_EPOCH_UTC_NS, tai_minus_utc_s
from drivers.gnss.pulses import FOLDER, edge_of
from drivers.ptp_clock import PtpClock

ARPHRD_CAN = 280  # linux/if_arp.h: the type of a CAN interface
LIDAR_PORTS = (2368, 2369, 7502)  # data ports of Velodyne and Hesai, of Ouster
LIDAR_LISTEN_S = 1.0
LIDAR_BUFFER_BYTES = 4 << 20  # 0.1 s of a 128-beam lidar with dual returns at 250 Mbit/s, and some
NS = 1_000_000_000
PULSE_OLDEST_S, PULSE_APART_NS = 5.0, 1_000_000  # 1 ms is 2.5 cm at 90 km/h
PTP_APART_S = 0.5  # of UTC or TAI: seconds apart it is another scale
STA_UNSYNC, TIME_ERROR = 0x40, 5  # linux/timex.h


def real_time(proc: Path = Path("/proc"), sys_folder: Path = Path("/sys")) -> list[Finding]:
    """Takes the loop's own scheduling in a thread of its own, and lets it wake for a second."""
    from autonomy.runtime import realtime
    from autonomy.runtime._bare_loop import bare_lateness

    found: list[realtime.Finding] = []

    def trial():
        found.extend(realtime.enter())
        found.append(realtime.lateness(bare_lateness(time.monotonic_ns() + 10_000_000, 100)))

    thread = threading.Thread(target=trial)
    thread.start()
    thread.join()
    findings = [Finding(GOOD if item.good else FAILED, item.what, item.found, item.remedy) for item in found]
    version = (proc / "version").read_text() if (proc / "version").exists() else ""
    preempt = "PREEMPT_RT" in version or _read(sys_folder / "kernel/realtime") == "1"
    findings.append(Finding(GOOD, "kernel", "PREEMPT_RT") if preempt else
                    Finding(LIMITED, "kernel", "not PREEMPT_RT: the trial above says how it does today",
                            "a PREEMPT_RT kernel bounds what drivers and other programs cost"))  # fmt: skip
    governors = Counter(_read(path) for path in sorted(sys_folder.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")))
    if governors and set(governors) != {"performance"}:
        findings.append(Finding(LIMITED, "processor speed", ", ".join(f"{name} on {n}" for name, n in governors.items()),
                                "set the governor 'performance': a processor that speeds up is late first"))  # fmt: skip
    return findings


def can(sys_folder: Path = Path("/sys")) -> list[Finding]:
    """Interfaces, their state, and whether the kernel has SocketCAN at all."""
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except (AttributeError, OSError) as error:
        return [Finding(FAILED, "SocketCAN", f"not in this kernel ({error})",
                        "modprobe can can-raw, or a kernel with CONFIG_CAN; '-i local' works without")]  # fmt: skip
    findings = [Finding(GOOD, "SocketCAN", "in the kernel")]
    names = sorted(path.parent.name for path in (sys_folder / "class/net").glob("*/type") if _read(path) == str(ARPHRD_CAN))
    if not names:
        findings.append(Finding(FAILED, "CAN interfaces", "none",
                                "plug one in and load its driver, or 'ip link add dev vcan0 type vcan'"))  # fmt: skip
    for name in names:
        folder = sys_folder / "class/net" / name
        state, queue = _read(folder / "operstate"), _read(folder / "tx_queue_len")
        dropped = _read(folder / "statistics/rx_dropped")
        if state == "down":
            findings.append(Finding(FAILED, name, "down", f"ip link set {name} type can bitrate 250000 restart-ms 100; "
                                    f"ip link set {name} up"))  # fmt: skip
        elif queue.isdigit() and int(queue) < 100:
            findings.append(Finding(LIMITED, name, f"{state}, room for {queue} frames to send",
                                    f"ip link set {name} txqueuelen 1000: a burst finds no room"))  # fmt: skip
        elif dropped.isdigit() and int(dropped):
            findings.append(Finding(LIMITED, name, f"{state}, {dropped} received frames dropped before any socket saw them",
                                    "sysctl net.core.netdev_max_backlog=10000: the kernel's queue was full"))  # fmt: skip
        else:
            findings.append(Finding(GOOD, name, f"{state}, room for {queue} frames to send"))
    return findings


def serial(dev: Path = Path("/dev")) -> list[Finding]:
    """Lines by their names that stay, and whether we may open them."""
    unsteady = [path for pattern in ("ttyUSB*", "ttyACM*", "ttyS[0-9]") for path in sorted(dev.glob(pattern))]
    ports = sorted((dev / "serial/by-id").glob("*")) or unsteady
    if not ports:
        return [Finding(FAILED, "serial lines", "none", "plug the receiver in; it appears below /dev/serial/by-id")]
    findings = []
    for port in ports:
        if not os.access(port, os.R_OK | os.W_OK):
            findings.append(Finding(FAILED, port.name, "may not be opened", "add the user to the group of the device (dialout)"))
        elif "by-id" not in port.parts:
            findings.append(Finding(LIMITED, port.name, "may be opened; its name changes with the order of plugging",
                                    "name it below /dev/serial/by-id (udev), and give that to --serial"))  # fmt: skip
        else:
            findings.append(Finding(GOOD, port.name, "may be opened"))
    return findings


def clocks(dev: Path = Path("/dev"), pulses: Path = FOLDER) -> list[Finding]:
    """The clock of the loop, whether UTC is kept, what could keep it better, and how far it is from the last pulses."""
    from autonomy.runtime import realtime

    steady = realtime.clock()
    findings = [Finding(GOOD if steady.good else FAILED, steady.what, steady.found, steady.remedy), _utc()]
    for what, pattern, used in (("PTP clocks", "ptp[0-9]*", "UTC and TAI to a microsecond (ptp4l, 'autonomy run --ptp')"),
                                ("PPS", "pps[0-9]*", "the second's edge of a GNSS receiver (chrony refclock PPS)")):  # fmt: skip
        names = [path.name for path in sorted(dev.glob(pattern))]
        findings.append(Finding(GOOD, what, ", ".join(names)) if names else
                        Finding(LIMITED, what, "none", f"not needed to drive; gives {used}"))  # fmt: skip
    findings += [_hardware_clock(path.name, dev) for path in sorted(dev.glob("ptp[0-9]*"))]
    return findings + [_pulse(path) for path in sorted(pulses.glob("*/assert"))]


def _hardware_clock(name: str, dev: Path) -> Finding:
    """How a PTP hardware clock can be read, and how far it is from the system's UTC."""
    try:
        clock = PtpClock(name, dev)
        try:
            reading = clock.read()
        finally:
            clock.close()
    except EnvironmentFault as error:
        return Finding(LIMITED, name, str(error), "let the user read it (a udev rule), or look at dmesg for its driver")
    utc_ns = time.time_ns() - (time.monotonic_ns() - reading.monotonic_ns)
    ahead_s = (reading.clock_ns - utc_ns) / NS
    found = f"by {reading.method} to {reading.sigma_ns / 1e3:.2g} us, {ahead_s:+.6f} s from this machine's UTC"
    if reading.clock_ns < GPS_EPOCH_UTC_NS:
        return Finding(LIMITED, name, f"by {reading.method}, not set: it counts since it was switched on",
                       "run ptp4l on its interface")  # fmt: skip
    leap_s = tai_minus_utc_s(utc_ns)
    if abs(ahead_s - leap_s) < PTP_APART_S:
        return Finding(GOOD, name, f"{found}: TAI, 'autonomy run --ptp {name}'")
    if abs(ahead_s) < PTP_APART_S:
        return Finding(GOOD, name, f"{found}: UTC, 'autonomy run --ptp {name}:utc'")
    return Finding(LIMITED, name, found, f"neither TAI ({leap_s} s ahead of UTC) nor UTC: run ptp4l on its interface, or keep "
                   "this machine's UTC")  # fmt: skip


def _pulse(path: Path) -> Finding:
    """How far the system's UTC is from a whole second at the last edge, which the kernel stamped with it."""
    name = path.parent.name
    try:
        edge_ns, sequence = edge_of(path.read_text())
    except (OSError, ValueError) as error:
        return Finding(LIMITED, name, f"not told: {error}", "look at dmesg for what the PPS driver says")
    if not sequence:
        return Finding(LIMITED, name, "no edge yet", "a receiver gives pulses once it has a fix; check its wire")
    apart_ns = (edge_ns + NS // 2) % NS - NS // 2
    age_s = (time.time_ns() - edge_ns) / NS
    found = f"edge {sequence} {age_s:.1f} s ago, {apart_ns / 1e3:+.1f} us from a whole second of this machine's UTC"
    if not 0.0 <= age_s <= PULSE_OLDEST_S:
        return Finding(LIMITED, name, found, "no pulse for a while: the receiver has lost its fix, or the clock was set")
    if abs(apart_ns) > PULSE_APART_NS:
        return Finding(LIMITED, name, found, "let chrony follow the pulses (refclock PPS), with a source that names the second")
    return Finding(GOOD, name, found)


def _utc() -> Finding:
    """What the kernel says of its own discipline, adjtimex(2)."""
    buffer = (ctypes.c_long * 64)()  # struct timex with modes 0: nothing is set
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    status = ctypes.cast(ctypes.addressof(buffer) + 5 * ctypes.sizeof(ctypes.c_long), ctypes.POINTER(ctypes.c_int))[0]
    if state < 0:
        return Finding(LIMITED, "UTC", f"not told: {os.strerror(ctypes.get_errno())}",
                       "run chrony and look at 'chronyc tracking'")  # fmt: skip
    if state == TIME_ERROR or status & STA_UNSYNC:
        return Finding(LIMITED, "UTC", "not synchronised",
                       "run chrony with GNSS or a time server; logs of two machines do not match without")  # fmt: skip
    error_us = buffer[3]
    return Finding(GOOD, "UTC", f"synchronised, at most {error_us / 1e3:.3g} ms off")


def lidar(proc: Path = Path("/proc"), listen_s: float = LIDAR_LISTEN_S) -> list[Finding]:
    """Room for a lidar's packets, and who sends some to the usual ports."""
    room = int(_read(proc / "sys/net/core/rmem_max") or 0)
    findings = [Finding(GOOD, "socket buffer", f"{room} bytes") if room >= LIDAR_BUFFER_BYTES else
                Finding(LIMITED, "socket buffer", f"{room} bytes",
                        f"sysctl -w net.core.rmem_max={LIDAR_BUFFER_BYTES}: a turn of 128 beams finds no room")]  # fmt: skip
    heard, taken = _listen(listen_s)
    if taken:
        findings.append(Finding(LIMITED, "lidar ports", f"in use by another program: {', '.join(map(str, taken))}",
                                "stop it, or let it hand the packets on"))  # fmt: skip
    if not heard:
        findings.append(Finding(FAILED, "lidar", f"no packet on the ports {', '.join(map(str, LIDAR_PORTS))} in {listen_s:g} s",
                                "check cable, power and the sensor's destination address (its web page)"))  # fmt: skip
    for (address, port, size), count in sorted(heard.items()):
        findings.append(Finding(GOOD, f"lidar {address}", f"{count / listen_s:.0f} packets/s of {size} bytes to port {port}"))
    return findings


def _listen(listen_s: float) -> tuple[Counter, list[int]]:
    heard: Counter = Counter()
    sockets, taken = {}, []
    try:
        for port in LIDAR_PORTS:
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                receiver.bind(("", port))
                sockets[receiver] = port
            except OSError:
                receiver.close()
                taken.append(port)
        end = time.monotonic() + listen_s
        while sockets and (left := end - time.monotonic()) > 0.0:
            for ready in select.select(list(sockets), [], [], left)[0]:
                data, (address, _) = ready.recvfrom(65536)
                heard[address, sockets[ready], len(data)] += 1
    finally:
        for receiver in sockets:
            receiver.close()
    return heard, taken


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
