"""Playing: what was recorded arrives, once, in order; every record is accounted for; verdicts."""

from __future__ import annotations

import os
import socket
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from autonomy.errors import FAIL, INCONCLUSIVE, INTERNAL, PASS, EnvironmentFault, UsageError
from hil.rig.play import Options, play
from hil.rig.play_figures import judged, table_lines
from hil.rig.targets import Wishes
from tests.hil.rig import logs

FAST = 1000.0  # times as fast as it was: deadlines stay absolute, the test does not wait
LATE = 60.0  # s: how late this machine was says nothing of what is tested here


@pytest.fixture
def log(tmp_path) -> str:
    return logs.write_log(tmp_path / "drive.mcap")


def options(log: str, wishes: Wishes, **fields) -> Options:
    return Options([log], wishes, **{"rate": FAST, "no_device": True, "late_limit_s": LATE, **fields})


def test_can_frames_arrive_whole_in_order_and_once(log, tmp_path):
    with logs.hubs(tmp_path, "a", "b") as nodes:
        found = play(options(log, Wishes("local", [str(tmp_path / "a"), str(tmp_path / "b")])))
        first, second = (logs.heard(nodes[name]) for name in "ab")
    assert [int.from_bytes(message.data[:4], "little") for message in first] == list(range(40))
    assert [message.arbitration_id for message in first[:4]] == [0x0CF00400] * 3 + [0x18F0010B]
    assert [message.is_fd for message in second] == [False, True] * 4 and len(second[1].data) == 32
    counts = found["counts"]
    assert counts == {"read": 56, "left_out": 8, "sent": 48, "failed": 0, "not_reached": 0, "behind_the_end": 0}
    assert "account      56 read = 8 left out + 48 sent + 0 failed" in "\n".join(table_lines(found))


def test_serial_bytes_and_datagrams_arrive(log, tmp_path):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(5.0)
    port, said, read = listener.getsockname()[1], [], []

    def tell(line: str) -> None:
        said.append(line)
        if line.startswith("pty: "):
            descriptor = os.open(line.removeprefix("pty: "), os.O_RDWR | os.O_NOCTTY)
            read.append(threading.Thread(target=lambda: read.append(read_exactly(descriptor, 4 * 11))))
            read[0].start()

    found = play(options(log, Wishes(lines=["gnss=pty"], addresses=[f"lidar=127.0.0.1:{port}"])), tell)
    read[0].join()
    assert read[1] == b"".join(b"$GPGGA,%02d\r\n" % number for number in (0, 10, 20, 30))
    assert [listener.recv(100) for _ in range(4)] == [b"packet %02d" % number for number in (0, 10, 20, 30)]
    assert found["counts"]["sent"] == 8
    listener.close()


def read_exactly(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(descriptor, count - len(data))
    os.close(descriptor)
    return data


def test_a_datagram_goes_to_the_recorded_port_where_none_is_named(log):
    found = play(options(log, Wishes(addresses=["lidar=127.0.0.1"])))
    assert [item["target"] for item in found["targets"]] == ["127.0.0.1:2368"] and found["counts"]["sent"] == 4


def test_passes_follow_each_other_until_the_end_and_the_rest_is_told(log, tmp_path):
    with logs.hubs(tmp_path, "a") as nodes:
        found = play(options(log, Wishes("local", [str(tmp_path / "a")], ["0=" + str(tmp_path / "a")]), loop=True, for_s=0.001))
        numbers = [int.from_bytes(message.data[:4], "little") for message in logs.heard(nodes["a"])]
    # A pass is 390 ms, and 10 ms to the next: 2.5 of them within a second of the recording
    assert numbers == [*range(40), *range(40), *range(20)]
    counts = found["counts"]
    assert counts["sent"] == 100 and counts["behind_the_end"] > 0
    assert counts["read"] == sum(number for name, number in counts.items() if name != "read")


def test_start_and_end_are_seconds_of_the_recording(log, tmp_path):
    with logs.hubs(tmp_path, "a") as nodes:
        play(options(log, Wishes("local", [str(tmp_path / "a")], ["0=" + str(tmp_path / "a")]), start_s=0.1, end_s=0.2))
        numbers = [int.from_bytes(message.data[:4], "little") for message in logs.heard(nodes["a"])]
    assert numbers == list(range(10, 20))


def test_pain_6_frames_of_the_device_under_test_stay_out(log, tmp_path):
    channel = str(tmp_path / "a")
    with logs.hubs(tmp_path, "a") as nodes:
        found = play(options(log, Wishes("local", [channel], [f"0={channel}"]), no_device=False, device_addresses=[0x0B]))
        senders = {message.arbitration_id & 0xFF for message in logs.heard(nodes["a"])}
    assert senders == {0} and found["streams"][0]["left_out"] == {"of the device under test": 10}


def test_an_override_replaces_and_does_not_send_twice(log, tmp_path):
    channel = str(tmp_path / "a")
    with logs.hubs(tmp_path, "a") as nodes:
        wishes = Wishes("local", [channel], [f"0={channel}"])
        found = play(options(log, wishes, overrides=["EEC1@00.engine_speed=1500"]))
        engine = [message for message in logs.heard(nodes["a"]) if message.arbitration_id == 0x0CF00400]
    assert len(engine) == 30 and {int.from_bytes(message.data[3:5], "little") for message in engine} == {12_000}
    assert found["overrides"] == {"EEC1@00.engine_speed=1500": 30} and found["streams"][0]["replaced"] == 30


def test_a_dry_run_opens_nothing_and_says_what_would_be_sent(log):
    found = play(
        options(log, Wishes("socketcan", ["no_such_bus"], ["0=no_such_bus"]), dry_run=True, overrides=["EBC1.nix=1"][:0])
    )
    assert found["counts"] == {"read": 56, "left_out": 16, "would_be_sent": 40} and found["exit_code"] == PASS


def test_an_override_that_meets_nothing_is_a_failure(log):
    found = play(options(log, Wishes("local", ["x"], ["0=x"]), dry_run=True, overrides=["EEC1@55.engine_speed=1"]))
    assert found["exit_code"] == FAIL and "replaced nothing" in found["reasons"][0]


def test_a_bare_loop_sends_nothing_and_needs_nothing_open(log):
    found = play(options(log, Wishes("local", ["no hub", "is here"]), bare=True))
    assert found["counts"]["sent"] == 48 and found["bare"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"no_device": False}, "who is under test"), ({"filters": ["nix"]}, "--filter: 'nix' is no filter")],
)
def test_what_is_missing_is_one_sentence(log, fields, said):
    with pytest.raises(UsageError, match=said):
        play(options(log, Wishes("local", ["a"], ["0=a"]), **fields))


def test_a_real_bus_needs_to_be_armed(log):
    with pytest.raises(UsageError, match="give --arm"):
        play(options(log, Wishes("pcan", ["PCAN_USBBUS1"], ["0=PCAN_USBBUS1"])))


def test_a_target_that_cannot_be_opened_is_of_the_machine(log):
    with pytest.raises(EnvironmentFault, match="no hub answers"):
        play(options(log, Wishes("local", ["/nowhere"], ["0=/nowhere"])))


GOOD = {"counts": {"read": 10, "left_out": 2, "sent": 8, "failed": 0, "not_reached": 0, "behind_the_end": 0},
        "targets": [{"target": "a", "failed": {}, "error": None}], "overrides": {}, "problems": {}, "interrupted": False,
        "stolen_ms": 0.0,
        "lateness_us": {"p50": 50, "p99": 80, "p99.9": 100, "max": 300.0},
        "drift": {"ms_per_hour": 0.4, "two_sigma_ms_per_hour": 0.2, "span_s": 60.0}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "verdict", "code", "said"),
    [
        ({}, "pass", PASS, ""),
        ({"counts": {**GOOD["counts"], "sent": 7}}, "error", INTERNAL, "does not add up"),
        ({"targets": [{"target": "a", "failed": {"ENOBUFS": 3}, "error": None}]}, "fail", FAIL, "3 failed, ENOBUFS"),
        ({"problems": {"x.mcap": "it ends early"}}, "fail", FAIL, "ends early"),
        ({"counts": {**GOOD["counts"], "sent": 0, "left_out": 10}}, "fail", FAIL, "nothing was sent"),
        ({"lateness_us": {**GOOD["lateness_us"], "p99": 1500}}, "inconclusive", INCONCLUSIVE, "p99"),
        ({"lateness_us": {**GOOD["lateness_us"], "max": 80_000.0}}, "inconclusive", INCONCLUSIVE, "80 ms late"),
        ({"lateness_us": {**GOOD["lateness_us"], "max": 80_000.0}, "stolen_ms": 150.0}, "inconclusive", INCONCLUSIVE, "150 ms"),
        ({"drift": {**GOOD["drift"], "ms_per_hour": -3.0}}, "inconclusive", INCONCLUSIVE, "drift of -3.0"),
        ({"drift": {**GOOD["drift"], "ms_per_hour": 3.0, "two_sigma_ms_per_hour": 2.5}}, "pass", PASS, ""),
        ({"interrupted": True}, "inconclusive", INCONCLUSIVE, "interrupted"),
    ],
)
def test_pain_14_a_late_rig_is_inconclusive_and_never_a_pass(change, verdict, code, said):
    found = judged({**GOOD, **change}, SimpleNamespace(late_limit_s=1e-3, loop=False))
    assert found[:2] == (verdict, code) and said in "; ".join(found[2])


def test_pain_2_deadlines_are_those_of_the_recording_from_pass_to_pass(log, tmp_path):
    """The 50th pass begins where it should, to the nanosecond: nothing adds up."""
    from autonomy.cli.can.databases import Catalogue
    from hil.rig.choice import Choice
    from hil.rig.overrides import Overrides
    from hil.rig.recorded import Recording
    from hil.rig.targets import assign
    from hil.rig.track import SEAM_NS, Track

    recording = Recording(log)
    plan, catalogue = assign([list(recording.streams)], Wishes("local", ["a", "b"])), Catalogue.from_options([])
    track = Track(0, recording, plan, Choice(None), catalogue, Overrides([], catalogue), rate=3.0, loop=True)
    seen: list[int] = []
    for _, dues in track.due(lambda target, frames: np.zeros((len(frames), 1), np.uint8)):
        seen += [time for due in dues if due.target.name == "a" for time in due.times_ns.tolist()]
        if track.passes == 50:
            break
    recording.close()
    pass_ns = (390 * logs.MS + 1 + SEAM_NS) / 3.0
    assert len(seen) >= 2000
    assert max(abs(time - number // 40 * pass_ns - number % 40 * 10 * logs.MS / 3.0) for number, time in enumerate(seen)) <= 1.0


def test_pain_21_a_gap_is_as_long_as_recorded_divided_by_the_rate(tmp_path):
    from autonomy.log.writer import LogWriter
    from hil.rig.recorded import Recording
    from tests.drivers.can.build import can_frame

    path, times_ns = tmp_path / "gap.mcap", [0, 10, 60_000_000_010, 60_000_000_020]
    with LogWriter(path) as log:
        for time_ns in times_ns:
            log.write("/raw/can/0", logs.START_NS + time_ns, can_frame(1, b""))
    recording = Recording(str(path))
    assert [time for _, given in recording.pieces() for piece in given for time in piece.times_ns.tolist()] == times_ns
    recording.close()
