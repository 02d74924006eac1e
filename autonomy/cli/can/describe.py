"""What a J1939 message says, in words for a line and in fields for JSON."""

from __future__ import annotations

import math

from autonomy.cli.can.databases import Catalogue
from drivers.can.candump import printable
from drivers.can.database import Signal
from drivers.can.j1939 import identifier as j1939
from drivers.can.j1939.address import Name
from drivers.can.j1939.diagnostics import FAILURE_MODES, Diagnostics
from drivers.can.j1939.names import function_name, industry_group_name, manufacturer_name
from drivers.can.j1939.transport import Message

__all__ = ["VALIDITIES", "Describer", "value_text"]

VALIDITIES = ("ok", "not available", "error")
ACKNOWLEDGEMENTS = ("acknowledged", "not acknowledged", "access denied", "cannot respond")
TEXT_GROUPS = (j1939.COMPONENT_IDENTIFICATION, j1939.VEHICLE_IDENTIFICATION, j1939.SOFTWARE_IDENTIFICATION)
MOST_DECIMALS = 6


class Describer:
    """Describes messages of the protocol itself, and of the catalogue."""

    def __init__(self, catalogue: Catalogue, *, spn_version: int | None = None, only_available: bool = False) -> None:
        self._catalogue = catalogue
        self._spn_version = spn_version
        self._only_available = only_available
        self._readers = {
            j1939.ADDRESS_CLAIMED: self._claim,
            j1939.REQUEST: self._request,
            j1939.ACKNOWLEDGEMENT: self._acknowledgement,
            j1939.DM1: self._diagnostics,
            j1939.DM2: self._diagnostics,
            **{pgn: self._text for pgn in TEXT_GROUPS},
        }

    def describe(self, bus: int, message: Message) -> tuple[str, str, dict] | None:
        """(name, words, fields) of a message; None when nobody knows it."""
        known, reader = self._catalogue.message(bus, message.identifier), self._readers.get(message.pgn)
        # Of DM1 and DM2 a database can only tell the lamps: the trouble codes are a list
        if known is not None and reader != self._diagnostics:
            return (known.name, *self.signals(bus, message.identifier, message.data))
        if reader is None:
            return None
        try:
            return (j1939.ACRONYMS[message.pgn], *reader(message))
        except ValueError as error:
            return j1939.ACRONYMS[message.pgn], str(error), {"problem": str(error)}

    def signals(self, bus: int, identifier: int, data: bytes) -> tuple[str, dict]:
        """Every value with its unit; what is not there says why."""
        words, fields = [], {}
        for signal, value, validity in self._catalogue.decode(bus, identifier, data):
            if validity and (self._only_available or signal.multiplexer is not None):
                continue
            words.append(f"{signal.name}={value_text(signal, value) if not validity else VALIDITIES[validity]}")
            number = None if validity or not math.isfinite(value) else value
            fields[signal.name] = {
                "value": number,
                "unit": signal.unit or None,
                "validity": VALIDITIES[validity],
                "spn": signal.spn,
            }
        return "  ".join(words), {"signals": fields}

    def _claim(self, message: Message) -> tuple[str, dict]:
        name = Name.parse(message.data)
        words = "cannot claim an address" if message.source == j1939.NULL else f"claims address {message.source:02X}"
        return f"{words}: {name_words(name)}", {"name": name_fields(name), "cannot_claim": message.source == j1939.NULL}

    def _request(self, message: Message) -> tuple[str, dict]:
        if len(message.data) < 3:
            raise ValueError(f"a request has 3 bytes, not {len(message.data)}")
        pgn = int.from_bytes(message.data[:3], "little") & 0x3FFFF
        return f"asks for {self.group_words(pgn)}", {"requested_pgn": pgn}

    def _acknowledgement(self, message: Message) -> tuple[str, dict]:
        if len(message.data) < 8:
            raise ValueError(f"an acknowledgement has 8 bytes, not {len(message.data)}")
        control, pgn = message.data[0], int.from_bytes(message.data[5:8], "little") & 0x3FFFF
        kind = ACKNOWLEDGEMENTS[control] if control < len(ACKNOWLEDGEMENTS) else f"control {control}"
        return f"{kind}: {self.group_words(pgn)}", {"acknowledgement": kind, "pgn_acknowledged": pgn}

    def _diagnostics(self, message: Message) -> tuple[str, dict]:
        found = Diagnostics.parse(message.data, self._spn_version)
        return "  ".join([self.lamp_words(found), *map(self.code_words, found.codes)]), diagnostics_fields(found)

    def _text(self, message: Message) -> tuple[str, dict]:
        text = printable(message.data).rstrip()
        return f"'{text}'", {"text": text}

    def group_words(self, pgn: int) -> str:
        """`FEE6`, with the name where there is one."""
        name = self._catalogue.group_names().get(pgn) or j1939.ACRONYMS.get(pgn)
        return f"{pgn:04X} {name}" if name else f"{pgn:04X}"

    def lamp_words(self, found: Diagnostics) -> str:
        return "lamps: " + (", ".join(map(str, found.lit)) or "none on") + ("" if found.codes else "; no trouble code")

    def code_words(self, code) -> str:
        """`SPN 190 engine_speed FMI 9 (abnormal update rate) x3`"""
        name = self._catalogue.signal_of_spn.get(code.spn, "")
        mode = FAILURE_MODES.get(code.fmi, "reserved")
        return str(code).replace(" FMI", f" {name} FMI" if name else " FMI").replace(" x", f" ({mode}) x")


def value_text(signal: Signal, value: float) -> str:
    """The value with as many decimals as its scale has, and its unit."""
    decimals = 0
    for part in (signal.scale, signal.offset):
        if not float(part).is_integer():
            decimals = max(decimals, min(MOST_DECIMALS, math.ceil(-math.log10(abs(part)))), 1)
    text = f"{value:.{decimals}f}" if not signal.is_float else f"{value:.6g}"
    if "." in text and not signal.is_float:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {signal.unit}" if signal.unit else text


def name_words(name: Name) -> str:
    """`function 0 (engine), manufacturer 10 (Cummins), identity 590605, on-highway`"""
    parts = [_with(name.function, function_name(name.function), "function"),
             _with(name.manufacturer, manufacturer_name(name.manufacturer), "manufacturer"), f"identity {name.identity}",
             industry_group_name(name.industry_group) or f"industry group {name.industry_group}"]  # fmt: skip
    if name.function_instance or name.ecu_instance:
        parts.append(f"instance {name.function_instance}.{name.ecu_instance}")
    if name.arbitrary_address:
        parts.append("may take another address")
    return ", ".join(parts)


def name_fields(name: Name) -> dict:
    return {
        **name._asdict(),
        "number": f"{name.number:016X}",
        "function_name": function_name(name.function) or None,
        "manufacturer_name": manufacturer_name(name.manufacturer) or None,
    }


def diagnostics_fields(found: Diagnostics) -> dict:
    return {
        "lamps": {lamp.name: {"state": lamp.state, "flash": lamp.flash or None} for lamp in found.lamps},
        "codes": [
            {"spn": code.spn, "fmi": code.fmi, "occurrences": code.occurrences, "conversion_method": code.conversion_method,
             "candidates": list(code.candidates)}
            for code in found.codes
        ],
        "left_over": found.left_over,
    }  # fmt: skip


def _with(number: int, name: str, what: str) -> str:
    return f"{what} {number}" + (f" ({name})" if name else "")
