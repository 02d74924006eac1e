"""Continental ARS548 RDI: an imaging radar on UDP, 20 Hz: up to 800 detections with elevation, up to 50 objects of its own.

SOME/IP messages, big-endian, as the maker's interface description has them; the public drivers that read the sensor agree [V:
recorded packets with a reference decode]. Packed, offsets in bytes:

    0   service id (0), method id (336 detections, 329 objects), length of what follows byte 8
    8   client, session, protocol and interface version, message type, return code
    16  end-to-end header, profile 7: checksum (8), length, counter, data id; recordings hold zeros
    36  nanoseconds, seconds, state of synchronisation
    45  qualifiers (4 + 1)

Detections (35336): 50 origin: flags, then x, y, z, roll, pitch, yaw, each with its sigma; 101 eight hundred rows of 44; 35301
range of
unambiguous speed; 35309 count; 35313 alignment: azimuth, elevation, state. Objects (9401): 50 count; 51 fifty rows of 187.
Angles in rad, azimuth to the left. The end-to-end checksum is not checked: no recording has one.
"""

from __future__ import annotations

import struct
from typing import Any

NAME = "ars548"
PORT = 42102  # [M] of the sensor's multicast 224.0.2.2
DETECTION_METHOD, OBJECT_METHOD = 336, 329
DETECTIONS_SIZE, OBJECTS_SIZE = 35336, 9401
MOST_DETECTIONS, MOST_OBJECTS = 800, 50

HEAD = struct.Struct(">HHIHHBBBBQIIIIIBIB")  # up to the first of what differs, 50 bytes
ORIGIN = struct.Struct(">H12fB")  # at 50, of detections
DETECTION = struct.Struct(">ffBffffffbHBBBHBH")
TAIL = struct.Struct(">ffIffB14x")  # behind the detections
OBJECT = struct.Struct(">HIHBBHB9fBff10B" + "B5f" * 4 + "Bff" + "IBff" * 2)
ORIGIN_FIELDS = ("x", "x_sigma", "y", "y_sigma", "z", "z_sigma", "roll", "roll_sigma", "pitch", "pitch_sigma", "yaw", "yaw_sigma")


def header(packet: bytes) -> dict[str, Any]:
    """What a list (whole, as the kernel has checked it) says beside its rows."""
    told = HEAD.unpack_from(packet)
    found: dict[str, Any] = {"counter": told[11], "sync_status": told[15], "qualifier": told[16], "extended_qualifier": told[17]}
    if told[1] == DETECTION_METHOD:
        flags, *places, list_flags = ORIGIN.unpack_from(packet, HEAD.size)
        least, most, _, azimuth, elevation, state = TAIL.unpack_from(packet, DETECTIONS_SIZE - TAIL.size)
        found |= dict(zip(ORIGIN_FIELDS, places, strict=True))
        found |= {"origin_flags": flags, "list_flags": list_flags, "range_rate_min": least, "range_rate_max": most,
                  "alignment_azimuth": azimuth, "alignment_elevation": elevation, "alignment_status": state}  # fmt: skip
    return found
