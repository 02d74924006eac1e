"""Real SocketCAN: these tests run where vcan0 is, which is inside the user-mode kernel of `make socketcan`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

BACKLOG = Path("/proc/sys/net/core/netdev_max_backlog")
CHANNELS = ("vcan0", "vcan1", "vcan2")


@pytest.fixture(scope="session")
def vcan() -> tuple[str, ...]:
    """Three virtual buses with CAN FD. Their absence is a failure where AUTONOMY_SOCKETCAN=1 promises them."""
    missing = [name for name in CHANNELS if not Path("/sys/class/net", name).exists()]
    if missing:
        reason = f"no {', '.join(missing)} on this machine: 'make socketcan' runs these tests in a kernel that has them"
        if os.environ.get("AUTONOMY_SOCKETCAN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return CHANNELS


@pytest.fixture
def shaped(vcan):
    """vcan2 with a queueing discipline of the test's; call it with tc's words."""

    def shape(*words: str) -> str:
        subprocess.run(["tc", "qdisc", "replace", "dev", vcan[2], "root", *words], check=True)
        return vcan[2]

    yield shape
    subprocess.run(["tc", "qdisc", "del", "dev", vcan[2], "root"], check=False, capture_output=True)


@pytest.fixture
def backlog():
    """Sets how many received frames may wait for the kernel itself, of all interfaces."""
    before = BACKLOG.read_text()
    yield lambda frames: BACKLOG.write_text(f"{frames}\n")
    BACKLOG.write_text(before)
