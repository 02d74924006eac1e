"""What a gateway passed, as a log: what the device under test got, with the faults in it, and what it said (frames marked as
transmitted, for the log is the device's). Written by the recorder's process; stamps are CLOCK_MONOTONIC.

    witness = Witness(Path("log.mcap"), ["can0", "gnss"], ...)     # before any thread
    witness.frames(0, rows, now_ns)
    written = witness.close()
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log.writer import LogWriter
from autonomy.runtime import datagrams
from autonomy.runtime.recorder import Recorder
from autonomy.runtime.segments import Segments
from drivers.ring import Ring
from drivers.serial.route_config import PREFIX as SERIAL_PREFIX
from drivers.udp.receiver import Received
from hil.rig.capture import CAN_SLOTS, DATAGRAM_SLOTS, FD_SLOTS, SERIAL_PIECE, SERIAL_SLOTS, Tap
from hil.rig.raw_journal import RawJournal, Taps

__all__ = ["Witness"]

CAN_FRAME, CAN_FD_FRAME = msg.dtype("CanFrame"), msg.dtype("CanFdFrame")
MARK_SLOTS = 64


class Witness:
    """`unrecorded` counts what found no room. Raises EnvironmentFault."""

    def __init__(self, path: Path, buses: int, lines: Sequence[str] = (), streams: Sequence[str] = ()):
        taps = [Tap(f"/raw/can/{bus}", "CanFrame", Ring(CAN_SLOTS, CAN_FRAME.itemsize)) for bus in range(buses)]
        taps += [Tap(f"/raw/canfd/{bus}", "CanFdFrame", Ring(FD_SLOTS, CAN_FD_FRAME.itemsize)) for bus in range(buses)]
        taps += [Tap(SERIAL_PREFIX + name, "SerialBytes", Ring(SERIAL_SLOTS, SERIAL_PIECE.itemsize)) for name in lines]
        taps += [Tap(f"/raw/udp/{name}", "UdpPacket", Ring(DATAGRAM_SLOTS, datagrams.DATAGRAM_PART.itemsize)) for name in streams]
        self.path = path
        self._rings = {tap.topic: tap.ring for tap in taps}
        self._without_room = 0
        told = {"importer": "autonomy hil inject", "clock": "CLOCK_MONOTONIC"}
        self._recorder = Recorder(partial(Segments, path, lambda place, first_ns: LogWriter(place, told)),
                                  Taps(taps, Ring(MARK_SLOTS, 8)), journal=RawJournal)  # fmt: skip

    @property
    def unrecorded(self) -> int:
        return self._without_room + sum(ring.refused for topic, ring in self._rings.items() if not topic.startswith("/raw/udp/"))

    def frames(self, bus: int, rows: np.ndarray, now_ns: int) -> None:
        """Rows of CanFrame or CanFdFrame."""
        told = rows.copy()
        told["time_ns"], told["bus"] = now_ns, bus
        self._rings[f"/raw/can{'' if rows.dtype == CAN_FRAME else 'fd'}/{bus}"].push_many(told)

    def piece(self, topic: str, data: bytes, now_ns: int) -> None:
        row = np.zeros(1, SERIAL_PIECE)
        row["time_ns"], row["count"] = now_ns, len(data)
        row["data"][0, : len(data)] = np.frombuffer(data, np.uint8)
        self._rings[topic].push(row)

    def datagram(self, topic: str, item: Received, port: int) -> None:
        self._without_room += not datagrams.push(self._rings[topic], item, port, 0)

    def look(self) -> list[str]:
        """Once, should the log have ended: why."""
        return self._recorder.look()

    def close(self) -> dict[str, int]:
        """{topic: records written}. Raises EnvironmentFault when the log was not written."""
        return self._recorder.stop()["written"]
