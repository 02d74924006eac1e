"""Errors on a bus that has none: what the emulated controllers of qemu.sh are told from outside that happened to them.

qemu's SJA1000 knows no bus errors: its status register never says "error warning" or "bus off". This process sits beside qemu
and, when the machine inside asks for it, sets the bits of the status and interrupt registers that a controller would set
(SJA1000 data sheet, 6.4.5 and 6.4.6), in qemu's memory. The driver reads them at its next interrupt and does the rest.

    python emulated_errors.py QEMU_PROCESS RUN

A request is the file RUN/request: "TRANSMIT_BUFFER STATUS INTERRUPT", hexadecimal; the first finds the controller by what it sent
last. The answer is RUN/answer: "done" or a sentence.
"""

import os
import re
import sys
import time
from pathlib import Path

POLL_S = 0.05
# hw/net/can/can_sja1000.h: mode, status, interrupt, interrupt enable, two of the receive buffer, clock, code and mask, then it
STATUS, INTERRUPT, ENABLED, CLOCK, TRANSMIT_BUFFER = 1, 2, 3, 6, 15
MODES, RESET_MODE, PELICAN = 0x1F, 0x01, 0x80
ENABLED_BY_DRIVER = (0x7F, 0xFF)  # all interrupts, without or with that of bus errors
LARGEST_REGION = 256 << 20  # beyond: the machine's own memory, where the driver keeps copies


def regions(process: int) -> list[tuple[int, int]]:
    """What qemu keeps its devices in: [(start, end)]."""
    found = []
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(\[heap\])?$", line)
        if match and int(match[2], 16) - int(match[1], 16) <= LARGEST_REGION:
            found.append((int(match[1], 16), int(match[2], 16)))
    return found


def controllers(process: int, memory: int, transmitted: bytes) -> list[int]:
    """Where the controllers are that sent this last."""
    found = []
    for start, end in regions(process):
        try:
            data = os.pread(memory, end - start, start)
        except OSError:
            continue
        for match in re.finditer(re.escape(transmitted), data):
            first = match.start() - TRANSMIT_BUFFER
            running = first >= 0 and not data[first] & (RESET_MODE | ~MODES & 0xFF)
            if running and data[first + CLOCK] & PELICAN and data[first + ENABLED] in ENABLED_BY_DRIVER:
                found.append(start + first)
    return found


def answered(process: int, request: str) -> str:
    transmitted, status, interrupt = request.split()
    memory = os.open(f"/proc/{process}/mem", os.O_RDWR)
    try:
        found = controllers(process, memory, bytes.fromhex(transmitted))
        if len(found) != 1:
            return f"{len(found)} controllers sent {transmitted} last"
        status_now, interrupt_now = os.pread(memory, 2, found[0] + STATUS)
        bits = bytes([status_now & 0x3F | int(status, 16), interrupt_now | int(interrupt, 16)])
        os.pwrite(memory, bits, found[0] + STATUS)
    finally:
        os.close(memory)
    return "done"


def main(process: int, run: Path) -> None:
    while os.path.exists(f"/proc/{process}/maps"):
        try:
            request = (run / "request").read_text()
        except FileNotFoundError:
            time.sleep(POLL_S)
            continue
        (run / "request").unlink()
        answer = answered(process, request)
        (run / "answer.new").write_text(answer)
        (run / "answer.new").rename(run / "answer")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
