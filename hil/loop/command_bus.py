"""The bus between stack and truck, in one process and without a clock of its own: commands travel as the frames of a real run.

What the stack asks is encoded with counters, checksums, periods and releases, and withheld while our node has no address; the
truck's controllers decode it and obey no more than what they understood. They answer as nodes. `autonomy hil live` does the
same between two processes; here every byte is the same for the same seed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from autonomy.runtime._loop import PERMISSION_DRIVE, PERMISSION_NONE, PERMISSION_STOP

from autonomy import msg
from autonomy.runtime.bus_node import BusNode, node_of
from autonomy.runtime.reception import FRAME
from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.commanding.command_decoder import CommandDecoder
from drivers.can.commanding.command_encoder import CommandEncoder
from drivers.can.frame_bits import frame_bits
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.j1939 import identifier as j1939
from hil.rig.controllers import Controllers

BIT_RATE = 250_000
FRAME_NS = 540_000  # eight bytes at that rate, with stuff bits
COUNTED_AT_ONCE = 4096
PROPRIETARY_B = 0xFF00
ENGAGE = {PERMISSION_NONE: 0, PERMISSION_DRIVE: 1, PERMISSION_STOP: 2}  # of the input frame, as the live loop has it


class CommandBus:
    """Each tick: `arrive` before it, `carry` behind it."""

    def __init__(self, config: CommandConfig, codec: Codec, weight_kg: float):
        self.number = config.bus
        self.codec = codec
        self.encoder, self.decoder = CommandEncoder(config, codec), CommandDecoder(config, codec)
        self.controllers = Controllers(config, weight_kg)
        self.news: list[tuple[int, str]] = []  # time, sentence
        self.withheld = 0
        self._permission, self._faults, self._now_ns = PERMISSION_NONE, 0, 0
        self._said: list[tuple[int, bytes]] = []
        self.node = BusNode(node_of(config), config.bus, self._said.extend, self._permit, lambda: self._faults,
                            self.encoder.send_from, lambda line: self.news.append((self._now_ns, line)))  # fmt: skip
        self._counts = {side: Counter() for side in ("sent", "received")}
        self._uncounted: list[bytes] = []
        self._bits = 0
        self._ticks = 0

    def arrive(self, time_ns: int) -> list[bytes]:
        """What the controllers sent by now, CanFrame bodies; our node has heard it."""
        self._now_ns = time_ns
        frames = self.controllers.due(time_ns)
        for identifier, data in frames:
            self.node.hear(time_ns, identifier, data)
            self._counts["received"][j1939.parse(identifier)[1:4:2]] += 1
        self.node.work(time_ns)
        return [FRAME.pack(time_ns, identifier, self.number, len(data), 0, data) for identifier, data in frames]

    def engage(self, wanted: bool) -> int:
        """Of the input frame: with the leave of our node."""
        return ENGAGE[self._permission] if wanted else 0

    @property
    def may_engage(self) -> bool:
        return self._permission == PERMISSION_DRIVE

    def carry(self, out: np.void, time_ns: int, broken=()) -> tuple[np.void, list[bytes]]:
        """(what the truck was asked for, the frames that we sent). `out`: a row of OutputFrame; `broken`: faults of the truck."""
        self._ticks += 1
        self._faults = int(out["health"]["faults"])
        asked = self.encoder.frames(out["actuation"])
        if not self.node.may_send():
            self.withheld += len(asked)
            asked = asked[:0]
        frames = [(int(row["id"]), row["data"][: row["length"]].tobytes()) for row in asked] + self._said
        self._said.clear()
        sent = self._send(frames, time_ns)
        self.controllers.report(broken)
        return self.decoder.actuation(time_ns), sent

    def release(self, time_ns: int) -> list[bytes]:
        """Behind the last tick: every controller is let go."""
        standby = np.zeros((), msg.dtype("Actuation"))
        sent: list[bytes] = []
        while self.node.may_send():
            standby["time_ns"] = time_ns
            rows = self.encoder.frames(standby[()])
            if not len(rows):
                break
            sent += self._send([(int(row["id"]), row["data"][: row["length"]].tobytes()) for row in rows], time_ns, len(sent))
        return sent

    def _send(self, frames: list[tuple[int, bytes]], time_ns: int, before: int = 0) -> list[bytes]:
        """In the order in which a bus lets them pass, smallest identifier first."""
        sent = []
        for place, (identifier, data) in enumerate(sorted(frames, key=_identifier), start=before + 1):
            stamp_ns = time_ns + place * FRAME_NS
            sent.append(FRAME.pack(stamp_ns, identifier, self.number, len(data), TRANSMITTED, data))
            self.controllers.hear(stamp_ns, identifier, data)
            self._counts["sent"][j1939.parse(identifier)[1:4:2]] += 1
        if sent:
            self.decoder.take(np.frombuffer(b"".join(sent), msg.dtype("CanFrame")))
        self._uncounted += sent
        if len(self._uncounted) >= COUNTED_AT_ONCE:
            self._count_bits()
        return sent

    def _permit(self, permission: int) -> None:
        self._permission = permission

    def _count_bits(self) -> None:
        rows = np.frombuffer(b"".join(self._uncounted), msg.dtype("CanFrame"))
        self._bits += int(frame_bits(rows).sum())
        self._uncounted.clear()

    def as_json(self, tick_s: float) -> dict[str, Any]:
        if self._uncounted:
            self._count_bits()
        duration_s = max(self._ticks * tick_s, tick_s)
        total = self._counts["sent"].total()
        return {
            "bus": self.number, "bit_rate": BIT_RATE, "sent": total, "sent_per_s": total / duration_s,
            "sent_load": self._bits / BIT_RATE / duration_s, "withheld": self.withheld,
            "received": self._counts["received"].total(), "refused": dict(self.decoder.refused), "node": self.node.figures(),
            "partners": self.node.partners.as_json(),
            "groups": [row for side, counts in self._counts.items() for row in self._groups(side, counts, duration_s)],
            "news": [{"time_ns": time_ns, "text": text} for time_ns, text in self.news[:100]],
        }  # fmt: skip

    def _groups(self, side: str, counts: Counter, duration_s: float) -> list[dict[str, Any]]:
        return [{"direction": side, "pgn": pgn, "name": self._name(pgn), "destination": destination, "frames": count,
                 "per_s": count / duration_s} for (pgn, destination), count in sorted(counts.items())]  # fmt: skip

    def _name(self, pgn: int) -> str:
        known = self.codec.message_name(j1939.EXTENDED | pgn << 8, self.number) or j1939.ACRONYMS.get(pgn)
        return known or ("proprietary" if pgn >= PROPRIETARY_B else "")


def _identifier(frame: tuple[int, bytes]) -> int:
    return frame[0] & 0x1FFFFFFF
