"""Words for numbers of SAE J1939: only those found in public sources; a site's own list may be longer.

Sources: preferred addresses SAE J1939 table B2 and functions table B11 as public open-source headers quote them [V
secondary]; manufacturers table B10 as quoted likewise, 10 from memory [M].
"""

from __future__ import annotations

__all__ = ["address_name", "function_name", "industry_group_name", "manufacturer_name"]

ADDRESSES = {
    0: "engine 1", 1: "engine 2", 2: "turbocharger", 3: "transmission 1", 4: "transmission 2", 5: "shift console 1",
    6: "shift console 2", 7: "power take-off", 8: "axle, steering", 9: "axle, drive 1", 10: "axle, drive 2",
    11: "brakes, system controller", 12: "brakes, steer axle", 13: "brakes, drive axle 1", 14: "brakes, drive axle 2",
    15: "retarder, engine", 16: "retarder, driveline", 17: "cruise control", 18: "fuel system", 19: "steering controller",
    20: "suspension, steer axle", 21: "suspension, drive axle 1", 22: "suspension, drive axle 2",
    23: "instrument cluster", 24: "trip recorder", 25: "cab climate control", 33: "body controller",
    39: "management computer", 41: "retarder, exhaust, engine 1", 49: "cab controller 1", 249: "service tool 1",
    250: "service tool 2", 254: "null address", 255: "global",
}  # fmt: skip

FUNCTIONS = {
    0: "engine", 1: "auxiliary power unit", 2: "electric propulsion control", 3: "transmission", 4: "battery pack monitor",
    9: "brakes, system controller", 19: "instrument cluster", 21: "cab climate control", 23: "vehicle navigation",
    25: "network interconnect", 26: "body controller", 29: "virtual terminal", 33: "system monitor", 37: "cab controller",
    38: "tyre pressure control", 41: "lighting, operator controls", 47: "information system", 53: "alternator",
    54: "communications unit, cellular", 56: "communications unit, radio", 57: "steering column unit", 60: "cab display",
    66: "input/output controller", 67: "electrical system controller",
}  # fmt: skip

MANUFACTURERS = {
    1: "Allied Signal", 8: "Caterpillar", 9: "Chrysler", 10: "Cummins", 41: "Motorola", 50: "Bosch (USA)", 51: "Bosch",
    189: "Qualcomm", 1856: "Trimble",
}  # fmt: skip

INDUSTRY_GROUPS = ("global", "on-highway", "agriculture and forestry", "construction", "marine", "industrial process control")
FIRST_GROUP_FUNCTION = 128  # from here on a function depends on industry group and vehicle system


def address_name(address: int) -> str:
    """Preferred use of a source address, "" when not in the table."""
    return ADDRESSES.get(address, "")


def function_name(function: int) -> str:
    """Name of a NAME's function, "" when not in the table or dependent on the industry group."""
    return FUNCTIONS.get(function, "") if function < FIRST_GROUP_FUNCTION else ""


def manufacturer_name(code: int) -> str:
    return MANUFACTURERS.get(code, "")


def industry_group_name(group: int) -> str:
    return INDUSTRY_GROUPS[group] if group < len(INDUSTRY_GROUPS) else ""
