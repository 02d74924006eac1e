"""The first process of the user-mode kernel that uml.sh starts: mounts, modules, vcan interfaces, the command, power off."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

MODULES = (
    "net/can/can", "drivers/net/can/dev/can-dev", "net/can/can-raw", "net/can/can-bcm", "net/can/can-gw",
    "net/can/j1939/can-j1939", "drivers/net/can/vcan", "drivers/net/can/vxcan", "drivers/net/can/slcan/slcan",
    "net/sched/sch_tbf", "net/sched/sch_netem",
)  # fmt: skip
# Frames come back to this machine behind the queue, as from a real controller: rates and losses of `tc` are felt
OPTIONS = {"drivers/net/can/vcan": b"echo=1"}
MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/dev/shm"), ("devpts", "/dev/pts"))
FINIT_MODULE = 313  # the system call's number on x86-64: insmod without kmod
CAN_FD_MTU = "72"
# Received frames that wait for the kernel; its 1000 are too few where one processor sends without a pause and receives as well
BACKLOG_FRAMES = 20_000
RB_POWER_OFF = 0x4321FEDC  # linux/reboot.h
FAILED = 99


def main(run: Path, modules: Path, queue_length: str) -> None:
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with open(run / "output", "ab") as output:
        status = FAILED
        try:
            prepare(modules, queue_length)
            shell = ["/bin/bash", "-c", f". {run / 'command'}"]
            status = subprocess.run(shell, stdout=output, stderr=output, stdin=subprocess.DEVNULL).returncode
        except Exception as error:
            output.write(f"boot.py: {error}\n".encode())
    (run / "status").write_text(f"{status}\n")
    os.sync()
    ctypes.CDLL(None).reboot(RB_POWER_OFF)


def prepare(modules: Path, queue_length: str) -> None:
    for kind, place in MOUNTS:
        os.makedirs(place, exist_ok=True)
        subprocess.run(["mount", "-t", kind, kind, place], check=True)
    libc = ctypes.CDLL(None, use_errno=True)
    for name in MODULES:
        file = os.open(modules / f"{name}.ko", os.O_RDONLY | os.O_CLOEXEC)
        if libc.syscall(FINIT_MODULE, file, OPTIONS.get(name, b""), 0):
            raise OSError(ctypes.get_errno(), f"the kernel did not take its module {name}")
        os.close(file)
    Path("/proc/sys/net/core/netdev_max_backlog").write_text(f"{BACKLOG_FRAMES}\n")
    ip("link", "set", "lo", "up")
    for number in range(3):
        ip("link", "add", f"vcan{number}", "type", "vcan")
        ip("link", "set", f"vcan{number}", "mtu", CAN_FD_MTU, "txqueuelen", queue_length, "up")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
