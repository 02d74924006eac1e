"""The fields of a 29 bit J1939 identifier (SAE J1939-21, 5.2).

From the top: priority (3 bits), extended data page, data page, PDU format (8), PDU specific (8), source address (8). With
a PDU format below 240 (PDU1) the PDU specific byte is the destination address and no part of the group number (PGN).
"""

from __future__ import annotations

from typing import NamedTuple

from drivers.can.tables import EXTENDED, pgn_of

__all__ = ["EXTENDED", "GLOBAL", "NULL", "Identifier", "build", "is_pdu1", "parse", "pgn_of"]

GLOBAL = 0xFF  # destination: everyone
NULL = 0xFE  # source: no address (yet)
FIRST_PDU2 = 0xF000

# Parameter groups the protocol itself uses (SAE J1939-21, -73, -81)
ACKNOWLEDGEMENT = 0xE800
REQUEST = 0xEA00
TRANSPORT_DATA = 0xEB00  # TP.DT
TRANSPORT_CONTROL = 0xEC00  # TP.CM
EXTENDED_TRANSPORT_DATA = 0xC700  # ETP.DT
EXTENDED_TRANSPORT_CONTROL = 0xC800  # ETP.CM
ADDRESS_CLAIMED = 0xEE00  # from the null address: cannot claim
PROPRIETARY_A = 0xEF00
DM1 = 0xFECA
DM2 = 0xFECB
SOFTWARE_IDENTIFICATION = 0xFEDA
COMPONENT_IDENTIFICATION = 0xFEEB
VEHICLE_IDENTIFICATION = 0xFEEC
COMBINATION_WEIGHT = 0xFE70  # CVW: powered vehicle and gross combination weight

ACRONYMS = {
    ACKNOWLEDGEMENT: "ACKM",
    REQUEST: "RQST",
    TRANSPORT_DATA: "TP.DT",
    TRANSPORT_CONTROL: "TP.CM",
    EXTENDED_TRANSPORT_DATA: "ETP.DT",
    EXTENDED_TRANSPORT_CONTROL: "ETP.CM",
    ADDRESS_CLAIMED: "AC",
    PROPRIETARY_A: "PropA",
    DM1: "DM1",
    DM2: "DM2",
    SOFTWARE_IDENTIFICATION: "SOFT",
    COMPONENT_IDENTIFICATION: "CI",
    VEHICLE_IDENTIFICATION: "VI",
    COMBINATION_WEIGHT: "CVW",
}


class Identifier(NamedTuple):
    """`destination` is GLOBAL for a broadcast group (PDU2)."""

    priority: int
    pgn: int
    source: int
    destination: int


def parse(identifier: int) -> Identifier:
    """The fields of a 29 bit identifier; bit 31 is ignored."""
    pgn = pgn_of(identifier)
    return Identifier(identifier >> 26 & 7, pgn, identifier & 0xFF, identifier >> 8 & 0xFF if is_pdu1(pgn) else GLOBAL)


def build(priority: int, pgn: int, source: int, destination: int = GLOBAL) -> int:
    """The identifier of those fields with bit 31 set. Raises ValueError naming the field that is out of range."""
    for name, value, most in (("priority", priority, 7), ("PGN", pgn, 0x3FFFF), ("source", source, 0xFF),
                              ("destination", destination, 0xFF)):  # fmt: skip
        if not 0 <= value <= most:
            raise ValueError(f"{name} {value:#x} is not within 0..{most:#x}")
    if is_pdu1(pgn):
        if pgn & 0xFF:
            raise ValueError(f"PGN {pgn:04X} is addressed (PDU1), its low byte is the destination: give PGN {pgn & ~0xFF:04X}")
        return EXTENDED | priority << 26 | pgn << 8 | destination << 8 | source
    if destination != GLOBAL:
        raise ValueError(f"PGN {pgn:04X} is broadcast (PDU2); it takes no destination")
    return EXTENDED | priority << 26 | pgn << 8 | source


def is_pdu1(pgn: int) -> bool:
    """True when frames of the group carry a destination address."""
    return pgn & 0xFF00 < FIRST_PDU2
