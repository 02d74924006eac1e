"""The rig: how late it plays beside a bare loop over the same deadlines, and a bus within a process against python-can's.

Playing is `autonomy hil play` in a process of its own, onto the local bus and a UDP socket, each run behind a bare loop of the
same length: interleaved pairs, of which the median counts. With the recorded logs at hand those are played (comma2k19's CAN at
2 300 frames/s, a J1939 truck, a lidar), else a made one of the same rates.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from autonomy import msg, recordings
from autonomy.bench.measuring import measure, row

PAIRS = 3
PAIR_S = float(os.environ.get("AUTONOMY_BENCH_PLAY_S", "10"))  # bare, and then played
P50_AIM_US, P99_RATIO_AIM, DRIFT_AIM_MS_PER_HOUR = 100.0, 1.3, 1.0
BUS_AIM = 10.0
FRAMES, REPEATS = 2000, 5
BUSES = 3


def rows() -> list[dict]:
    """One row a figure: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}."""
    return [*_playing(), *_in_process()]


def _playing() -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="rig-") as folder, _hubs(folder) as channels:
        found = [json.loads(measure(["hil", "play", *_logs(folder, channels), "--no-dut", "--loop", "--for", PAIR_S,
                                     "--baseline", PAIR_S, "--json"]).output) for _ in range(PAIRS)]  # fmt: skip
    wakeup, late, bare = ({q: float(np.median([of(run)[q] for run in found])) for q in ("p50", "p99", "p99.9")} for of in (
        lambda run: run["wakeup_us"], lambda run: run["lateness_us"], lambda run: run["baseline"]["lateness_us"]))  # fmt: skip
    ratio = float(np.median([run["wakeup_us"]["p99"] / run["baseline"]["lateness_us"]["p99"] for run in found]))
    handed = float(np.median([run["lateness_us"]["p99"] / run["baseline"]["lateness_us"]["p99"] for run in found]))
    whole = all(run["counts"]["failed"] == 0 and run["verdict"] != "error" for run in found)
    records = sum(run["counts"]["sent"] for run in found)
    drift = _drift_beyond_its_error(run["drift"] for run in found)
    loop = {q: ("bare loop", None, 1e3 * bare[q]) for q in bare}
    return [
        row("play, wake-up p50", 1e3 * wakeup["p50"], loop["p50"], None, None),
        row("play, wake-up p99", 1e3 * wakeup["p99"], loop["p99"], f"<= {P99_RATIO_AIM:g}x bare", ratio <= P99_RATIO_AIM),
        row("play, wake-up p99.9", 1e3 * wakeup["p99.9"], loop["p99.9"], None, None),
        row("play, handed over p50", 1e3 * late["p50"], loop["p50"], f"<= {P50_AIM_US / 1e3:g} ms", late["p50"] <= P50_AIM_US),
        row("play, handed over p99", 1e3 * late["p99"], loop["p99"], f"<= {P99_RATIO_AIM:g}x bare", handed <= P99_RATIO_AIM),
        row("play, drift an hour beyond its error", None if drift is None else drift * 1e6, None,
             f"<= {DRIFT_AIM_MS_PER_HOUR:g} ms", None if drift is None else drift <= DRIFT_AIM_MS_PER_HOUR),
        row(f"play, {records} records accounted for", None, None, "none failed", whole),
    ]  # fmt: skip


def _drift_beyond_its_error(found: Iterable[dict]) -> float | None:
    """ms an hour; None where a run was too short for a word on it."""
    slopes = [(run["ms_per_hour"], run["two_sigma_ms_per_hour"]) for run in found]
    if any(slope is None for slope, _ in slopes):
        return None
    return max(0.0, *(abs(slope) - error for slope, error in slopes))


def _logs(folder: str, channels: list[str]) -> list[object]:
    """Recordings and where they go."""
    drive, truck, lidar = (recordings.find(name) for name in ("comma2k19", "j1939", "lidar_radar_packets"))
    where = ["-i", "local", *(word for channel in channels for word in ("-c", channel))]
    if drive is None or truck is None or lidar is None:
        log = Path(folder, "made.mcap")
        _make(log)
        return [log, *where, "--udp", "lidar=127.0.0.1:2368"]
    (scans,) = lidar.glob("vlp16__*.db3")
    maps = {"1:0": 0, "1:128": 0, "1:1": 1, "1:129": 1, "2:0": 2}
    return [drive, truck / "SampleTruckData.bin", scans, *where, "--udp", "velodyne=127.0.0.1:2368",
            *(word for bus, place in maps.items() for word in ("--map", f"{bus}={channels[place]}"))]  # fmt: skip


def _make(path: Path) -> None:
    """Ten seconds: 23 frames every 10 ms on two buses, 460 frames/s on the third, 750 packets/s of a lidar."""
    from autonomy.log import layouts
    from autonomy.log.writer import LogWriter

    with LogWriter(path) as log:
        for bus, (period_ns, burst) in enumerate([(10_000_000, 12), (10_000_000, 11), (2_170_000, 1)]):
            times = np.repeat(np.arange(0, 10_000_000_000, period_ns), burst)
            frames = np.zeros(len(times), msg.dtype("CanFrame"))
            frames["id"], frames["bus"], frames["length"] = np.arange(len(times)) % 2048, bus, 8
            log.write_batch(f"/raw/can/{bus}", times, frames)
        times = np.arange(0, 10_000_000_000, 1_333_333)
        packets = np.zeros(len(times), layouts.short_dtype("UdpPacket", 1206))
        packets["count"] = 1206
        log.write_batch("/raw/udp/lidar", times, packets)


@contextlib.contextmanager
def _hubs(folder: str) -> Iterator[list[str]]:
    channels = [str(Path(folder, f"bus{number}")) for number in range(BUSES)]
    hub = subprocess.Popen([sys.executable, "-m", "drivers.can.local_bus", *channels], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        hub.stdout.readline()
        yield channels
    finally:
        hub.communicate()


def _in_process() -> list[dict]:
    """Send and receive, one frame at a time, from one node to another of the same process."""
    import can
    from drivers.can._process_bus import ProcessNode

    from drivers.can.transport import room

    frames, (classic, fd) = room(1)[0], room(1)
    many, (classic_many, fd_many) = room(64)[0], room(64)
    message = can.Message(arbitration_id=0x123, data=bytes(8))
    sender, receiver = ProcessNode("bench"), ProcessNode("bench")
    virtual = [can.Bus(interface="virtual", channel="bench") for _ in range(2)]
    best: dict[str, float] = {}
    multicast = _multicast()
    for _ in range(REPEATS):
        _time(best, "ours", FRAMES, lambda: [(sender.send(frames), receiver.receive(classic, fd, 0.0)) for _ in range(FRAMES)])
        _time(best, "batch", FRAMES * 64, lambda: [(sender.send(many), receiver.receive(classic_many, fd_many, 0.0))
                                                   for _ in range(FRAMES)])  # fmt: skip
        _time(best, "virtual", FRAMES, lambda: [(virtual[0].send(message), virtual[1].recv(0.0)) for _ in range(FRAMES)])
        if multicast:
            _time(best, "multicast", FRAMES // 10, lambda: [(multicast[0].send(message), multicast[1].recv(1.0))
                                                            for _ in range(FRAMES // 10)])  # fmt: skip
    for node in (sender, receiver):
        node.close()
    for bus in (*virtual, *multicast):
        bus.shutdown()
    library = version("python-can")
    found = [
        row("bus in one process, send + receive", best["ours"], ("python-can virtual", library, best["virtual"]),
             f">= {BUS_AIM:g}x", best["virtual"] >= BUS_AIM * best["ours"]),
        row("... in batches of 64, a frame", best["batch"], ("python-can virtual", library, best["virtual"]),
             f">= {BUS_AIM:g}x", best["virtual"] >= BUS_AIM * best["batch"]),
    ]  # fmt: skip
    if multicast:
        peer = ("python-can udp_multicast", library, best["multicast"])
        found.append(row("bus in one process, send + receive", best["ours"], peer,
                          f">= {BUS_AIM:g}x", best["multicast"] >= BUS_AIM * best["ours"]))  # fmt: skip
    return found


def _multicast() -> list:
    """Two nodes, none where this machine has no multicast or msgpack is missing."""
    import can

    try:
        return [can.Bus(interface="udp_multicast", channel="239.74.163.77") for _ in range(2)]
    except (can.CanError, OSError, ImportError):
        return []


def _time(best: dict[str, float], name: str, count: int, function) -> None:
    start = time.perf_counter_ns()
    function()
    best[name] = min(best.get(name, np.inf), (time.perf_counter_ns() - start) / count)
