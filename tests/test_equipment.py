"""`autonomy doctor --rt --can --serial --time --lidar`: what is found on machines made of files, and on this one."""

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from autonomy import equipment
from autonomy.diagnosis import FAILED, GOOD, LIMITED
from drivers.ptp_clock import Reading


def written(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


class CanSocket:
    def __init__(self, *_):
        pass

    def close(self):
        pass


@pytest.fixture
def kernel_with_can(monkeypatch):
    monkeypatch.setattr(equipment.socket, "socket", CanSocket)
    for name in ("AF_CAN", "CAN_RAW"):
        monkeypatch.setattr(equipment.socket, name, 29, raising=False)


def test_a_can_interface_that_is_down_is_told_with_what_brings_it_up(tmp_path, kernel_with_can):
    written(tmp_path, class__net__can0__type="280\n", class__net__can0__operstate="down\n", class__net__can0__tx_queue_len="10\n",
            class__net__can1__type="280\n", class__net__can1__operstate="up\n", class__net__can1__tx_queue_len="10\n",
            class__net__can2__type="280\n", class__net__can2__operstate="up\n", class__net__can2__tx_queue_len="1000\n",
            class__net__can2__statistics__rx_dropped="0\n",
            class__net__can3__type="280\n", class__net__can3__operstate="up\n", class__net__can3__tx_queue_len="1000\n",
            class__net__can3__statistics__rx_dropped="12\n",
            class__net__eth0__type="1\n")  # fmt: skip
    _, down, narrow, good, dropping = equipment.can(tmp_path)
    assert (down.what, down.state, narrow.state, good.state, dropping.state) == ("can0", FAILED, LIMITED, GOOD, LIMITED)
    assert "12 received frames" in dropping.found and "netdev_max_backlog" in dropping.remedy
    assert "ip link set can0 up" in down.remedy and "txqueuelen" in narrow.remedy


def test_without_interfaces_or_socketcan_the_remedy_is_told(tmp_path, kernel_with_can, monkeypatch):
    assert "vcan0" in equipment.can(tmp_path)[-1].remedy

    def refuses(*_):
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(equipment.socket, "socket", refuses)
    (only,) = equipment.can(tmp_path)
    assert only.state == FAILED and "not supported" in only.found and "modprobe" in only.remedy


def test_serial_lines_are_told_by_the_name_that_stays(tmp_path):
    assert equipment.serial(tmp_path)[0].state == FAILED
    written(tmp_path, ttyUSB0="")
    (unsteady,) = equipment.serial(tmp_path)
    assert unsteady.state == LIMITED and "by-id" in unsteady.remedy
    written(tmp_path, **{"serial__by-id__usb-u-blox": ""})
    (steady,) = equipment.serial(tmp_path)
    assert (steady.what, steady.state) == ("usb-u-blox", GOOD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_line_that_may_not_be_opened_is_told(tmp_path):
    written(tmp_path, ttyUSB0="")
    (tmp_path / "ttyUSB0").chmod(0)
    assert "dialout" in equipment.serial(tmp_path)[0].remedy


def test_clocks_are_told_with_what_could_be_better(tmp_path):
    written(tmp_path, ptp0="")
    found = {item.what: item for item in equipment.clocks(tmp_path)}
    assert found["ptp0"].state == LIMITED and "cannot be read" in found["ptp0"].found
    assert found["PTP clocks"].state == GOOD and found["PPS"].state == LIMITED
    assert found["UTC"].state in (GOOD, LIMITED) and found["UTC"].found


@pytest.mark.parametrize(
    ("ahead_s", "state", "word"),
    [(37, GOOD, "TAI, 'autonomy run --ptp ptp0'"), (0, GOOD, "UTC, 'autonomy run --ptp ptp0:utc'"), (18, LIMITED, "+18.0"),
     (-1_700_000_000, LIMITED, "not set")],
)  # fmt: skip
def test_a_ptp_clock_tells_its_scale_and_how_it_is_read(tmp_path, monkeypatch, ahead_s, state, word):
    utc_ns = 1_700_000_000_000_000_000

    class Clock:
        def __init__(self, name, folder):
            pass

        def read(self):
            return Reading(5_000, utc_ns + ahead_s * equipment.NS, 250, "offset")

        def close(self):
            pass

    monkeypatch.setattr(equipment, "PtpClock", Clock)
    monkeypatch.setattr(equipment, "time", SimpleNamespace(time_ns=lambda: utc_ns + 1_000, monotonic_ns=lambda: 6_000))
    written(tmp_path, ptp0="")
    found = equipment._hardware_clock("ptp0", tmp_path)
    assert found.state == state and word in found.found and "offset" in found.found


def test_pulses_tell_how_far_utc_is_off(tmp_path, monkeypatch):
    monkeypatch.setattr(equipment.time, "time_ns", lambda: 1_700_000_000_400_000_000)
    edges = {"pps0": "1700000000.000012000#7", "pps1": "1699999999.900000000#9", "pps2": "0.000000000#0",
             "pps3": "1699990000.000000000#3", "pps4": "what"}  # fmt: skip
    written(tmp_path, **{f"{name}__assert": text for name, text in edges.items()})
    found = {item.what: item for item in equipment.clocks(tmp_path / "dev", tmp_path)}
    assert found["pps0"].state == GOOD and "0.4 s ago, +12.0 us" in found["pps0"].found
    assert found["pps1"].state == LIMITED and "-100000.0 us" in found["pps1"].found
    assert "no edge yet" in found["pps2"].found and "lost its fix" in found["pps3"].remedy
    assert "is no SECONDS" in found["pps4"].found


def test_a_lidar_is_told_by_what_it_sends(tmp_path, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(equipment, "LIDAR_PORTS", (port,))
    written(tmp_path, sys__net__core__rmem_max="212992\n")
    bound = equipment.socket.socket.bind

    def binds(self, address):
        bound(self, address)
        for _ in range(3):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sensor:
                sensor.sendto(bytes(1206), ("127.0.0.1", port))

    class Receiver(socket.socket):
        bind = binds

    monkeypatch.setattr(equipment.socket, "socket", Receiver)
    room, sensor = equipment.lidar(tmp_path, listen_s=0.05)
    assert room.state == LIMITED and "rmem_max" in room.remedy
    assert sensor.state == GOOD and "1206 bytes" in sensor.found and sensor.what == "lidar 127.0.0.1"


def test_silence_and_ports_in_use_are_told(tmp_path, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        monkeypatch.setattr(equipment, "LIDAR_PORTS", (other.getsockname()[1],))
        written(tmp_path, sys__net__core__rmem_max=str(8 << 20))
        room, taken, silent = equipment.lidar(tmp_path, listen_s=0.0)
    assert (room.state, taken.state, silent.state) == (GOOD, LIMITED, FAILED)


def test_the_command_adds_what_is_asked_for():
    """In a process of its own: the trial locks its memory."""
    command = [sys.executable, "-m", "autonomy", "doctor", "--rt", "--time", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = [item["what"] for item in json.loads(done.stdout)["findings"]]
    assert {"scheduling", "memory", "wake-ups", "kernel", "UTC"} <= set(found) and "SocketCAN" not in found
    assert done.returncode in (0, 4)  # whether this machine is fit is its own matter
