"""The emulated SJA1000 controllers of `make controllers`: can0 and can1 on one bus."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CHANNELS = ("can0", "can1")
RUN = Path("/tmp/run")
WARNING, BUS_OFF = 0x40, 0x80  # of the status register
ERROR_WARNING, ERROR_PASSIVE = 0x04, 0x20  # of the interrupt register
PATIENCE_S = 30.0


@pytest.fixture
def controllers(cable):
    """Both as after a restart, at 250 kbit/s."""
    for name in cable:
        set_up(name)
    return cable


@pytest.fixture(scope="session")
def cable():
    """Both up. Their absence is a failure where AUTONOMY_CONTROLLERS=1 promises them."""
    if not all(Path("/sys/class/net", name, "device").exists() for name in CHANNELS):
        reason = "no CAN controllers on this machine: 'make controllers' runs these tests in an emulated one that has them"
        if os.environ.get("AUTONOMY_CONTROLLERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    for name in CHANNELS:
        set_up(name)
    return CHANNELS


def set_up(name: str, *words: str) -> None:
    """Down, `ip link set NAME type can bitrate 250000 WORDS`, up."""
    subprocess.run(["ip", "link", "set", name, "down"], check=True)
    subprocess.run(["ip", "link", "set", name, "type", "can", "bitrate", "250000", "restart-ms", "0", *words], check=True)
    subprocess.run(["ip", "link", "set", name, "txqueuelen", "1000", "up"], check=True)
    waits_for(lambda: Path("/sys/class/net", name, "operstate").read_text() == "up\n", f"{name} does not come up")


def happens(frame: np.void, status: int, interrupt: int) -> None:
    """To the controller that sent this standard frame last; its driver sees it with its next interrupt."""
    identifier, data = int(frame["id"]), frame["data"][: frame["length"]].tobytes()
    sent = bytes([len(data), identifier >> 3 & 0xFF, identifier << 5 & 0xE0]) + data  # transmit buffer, standard frame
    (RUN / "request.new").write_text(f"{sent.hex()} {status:02x} {interrupt:02x}")
    (RUN / "request.new").rename(RUN / "request")
    answer = RUN / "answer"
    waits_for(answer.exists, "nobody answered")
    said = answer.read_text()
    answer.unlink()
    assert said == "done", said


def waits_for(done: Callable[[], bool], complaint: str) -> None:
    given_up_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < given_up_s, complaint
        time.sleep(0.05)
