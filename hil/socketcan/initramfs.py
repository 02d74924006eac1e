"""The first file system of the machine that qemu.sh starts: busybox, the modules it needs, and a script that goes on in the root
file system of this machine.

    python initramfs.py PACKAGES RUN     writes RUN/initramfs
"""

import os
import sys
from pathlib import Path

# In the order in which they need each other
MODULES = (
    "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "fs/netfs/netfs", "fs/fscache/fscache", "net/9p/9pnet",
    "net/9p/9pnet_virtio", "fs/9p/9p", "drivers/net/can/dev/can-dev", "net/can/can", "net/can/can-raw", "net/can/can-bcm",
    "net/can/can-gw", "net/can/can-isotp", "net/can/j1939/can-j1939", "drivers/net/can/sja1000/sja1000",
    "drivers/net/can/sja1000/kvaser_pci",
)  # fmt: skip
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /root /run
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
for module in {modules}; do /bin/busybox insmod /modules/$module.ko; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro machine /root
/bin/busybox mount -t proc proc /root/proc
/bin/busybox mount -t sysfs sysfs /root/sys
/bin/busybox mount -t devtmpfs devtmpfs /root/dev
/bin/busybox mkdir -p /root/dev/shm /root/dev/pts
/bin/busybox mount -t tmpfs tmpfs /root/dev/shm
/bin/busybox mount -t devpts devpts /root/dev/pts
/bin/busybox mkdir -p /below
/bin/busybox mount -o bind /root/tmp /below
/bin/busybox mount -t tmpfs tmpfs /root/tmp
{shown}/bin/busybox mkdir -p /root/tmp/run
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none run /root/tmp/run
/bin/busybox chroot /root /bin/bash -c 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ip link set lo up
( . /tmp/run/command ) > /tmp/run/output 2>&1 < /dev/null
echo $? > /tmp/run/status
sync'
/bin/busybox poweroff -f
"""
REGULAR, FOLDER = 0o100755, 0o040755


def entry(name: str, mode: int, data: bytes, number: int) -> bytes:
    """One file of a cpio archive in the format newc (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def shown(here: Path) -> str:
    """Lines that keep a tree below /tmp in sight, where a temporary file system lies over it."""
    if here.parts[:2] != ("/", "tmp") or len(here.parts) < 3:
        return ""
    name = here.parts[2]
    return f"/bin/busybox mkdir -p /root/tmp/{name}\n/bin/busybox mount -o bind /below/{name} /root/tmp/{name}\n"


def main(packages: Path, run: Path) -> None:
    (kernel,) = (packages / "lib/modules").glob("*/kernel")
    present = [name for name in MODULES if (kernel / f"{name}.ko").exists()]  # what is missing this kernel has built in
    files = {"bin": None, "modules": None, "bin/busybox": (packages / "bin/busybox").read_bytes()}
    files |= {f"modules/{os.path.basename(name)}.ko": (kernel / f"{name}.ko").read_bytes() for name in present}
    files["init"] = INIT.format(modules=" ".join(os.path.basename(name) for name in present), shown=shown(Path.cwd())).encode()
    with open(run / "initramfs", "wb") as archive:
        for number, (name, data) in enumerate(files.items(), 1):
            archive.write(entry(name, FOLDER if data is None else REGULAR, data or b"", number))
        archive.write(entry("TRAILER!!!", 0, b"", 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
