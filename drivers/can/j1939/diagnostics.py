"""Trouble codes: active (DM1, PGN FECA) and previously active (DM2, FECB), lamps included (SAE J1939-73, 5.7.1 and 5.7.2).

Two bytes of lamps, then four a trouble code: SPN (19 bits), FMI (5), conversion method (1), occurrence count (7). With
the conversion method bit 0 the SPN stands as in version 4. With 1 it is one of versions 1 to 3, which the frame does not
tell: the SPN is None then and `candidates` holds all three readings, unless the caller knows the sender's version.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Diagnostics", "Lamp", "TroubleCode"]

LAMPS = ("malfunction", "red stop", "amber warning", "protect")  # two bits each, from the top of byte 1
LAMP_STATES = ("off", "on", "error", "not available")
FLASH_STATES = ("slow", "fast", "reserved", "")  # byte 2: 1 Hz, 2 Hz, reserved, does not flash
NO_CODE = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff")  # "nothing to report": as of 2004, and before
OCCURRENCES_NOT_AVAILABLE = 127

# SAE J1939-73 appendix A, shortened [M]
FAILURE_MODES = {
    0: "above normal, most severe", 1: "below normal, most severe", 2: "erratic, intermittent or incorrect",
    3: "voltage above normal or shorted high", 4: "voltage below normal or shorted low",
    5: "current below normal or open circuit", 6: "current above normal or grounded", 7: "mechanical system not responding",
    8: "abnormal frequency, pulse width or period", 9: "abnormal update rate", 10: "abnormal rate of change",
    11: "root cause not known", 12: "bad device or component", 13: "out of calibration", 14: "special instructions",
    15: "above normal, least severe", 16: "above normal, moderately severe", 17: "below normal, least severe",
    18: "below normal, moderately severe", 19: "received network data in error", 20: "drifted high", 21: "drifted low",
    31: "condition exists",
}  # fmt: skip


class Lamp(NamedTuple):
    name: str
    state: str
    flash: str  # "" when it does not flash or does not say

    def __str__(self) -> str:
        return f"{self.name} {self.state}" + (f" flashing {self.flash}" if self.flash else "")


class TroubleCode(NamedTuple):
    """`spn` is None when the conversion method leaves it open; `occurrences` None when not available."""

    spn: int | None
    fmi: int
    occurrences: int | None
    conversion_method: int
    candidates: tuple[int, ...] = ()  # versions 1, 2, 3

    @classmethod
    def parse(cls, data: bytes, version: int | None = None) -> TroubleCode:
        """From four bytes. `version` 1 to 3 settles the SPN of a sender with conversion method 1. Raises ValueError."""
        if len(data) != 4:
            raise ValueError(f"a trouble code has 4 bytes, not {len(data)}")
        fmi, method = data[2] & 0x1F, data[3] >> 7
        occurrences = None if data[3] & 0x7F == OCCURRENCES_NOT_AVAILABLE else data[3] & 0x7F
        top = data[2] >> 5
        version_4 = top << 16 | data[1] << 8 | data[0]
        if method == 0:
            return cls(version_4, fmi, occurrences, 0)
        versions = (data[0] << 11 | data[1] << 3 | top, data[1] << 11 | data[0] << 3 | top, version_4)
        return cls(versions[version - 1] if version in (1, 2, 3) else None, fmi, occurrences, 1, versions)

    def __str__(self) -> str:
        spn = str(self.spn) if self.spn is not None else "one of " + "/".join(map(str, self.candidates))
        count = "?" if self.occurrences is None else self.occurrences
        return f"SPN {spn} FMI {self.fmi} x{count}"


class Diagnostics(NamedTuple):
    """One DM1 or DM2. `left_over` counts bytes behind the last whole trouble code that are no filler."""

    lamps: tuple[Lamp, ...]
    codes: tuple[TroubleCode, ...]
    left_over: int = 0

    @classmethod
    def parse(cls, data: bytes, version: int | None = None) -> Diagnostics:
        """From the data of a whole message. `version`: see TroubleCode.parse. Raises ValueError for less than two bytes."""
        if len(data) < 2:
            raise ValueError(f"a diagnostic message has at least 2 bytes, not {len(data)}")
        lamps = tuple(
            Lamp(name, LAMP_STATES[data[0] >> shift & 3], FLASH_STATES[data[1] >> shift & 3] if data[0] >> shift & 3 == 1 else "")
            for name, shift in zip(LAMPS, (6, 4, 2, 0), strict=True)
        )
        whole = 2 + (len(data) - 2) // 4 * 4
        parts = [bytes(data[place : place + 4]) for place in range(2, whole, 4)]
        codes = tuple(TroubleCode.parse(part, version) for part in parts if part not in NO_CODE)
        return cls(lamps, codes, sum(byte not in (0x00, 0xFF) for byte in data[whole:]))

    @property
    def lit(self) -> tuple[Lamp, ...]:
        """The lamps that are on."""
        return tuple(lamp for lamp in self.lamps if lamp.state == "on")
