"""The fault timeline: one TOML file that says what goes wrong when, the same for replay, closed loop and rig.

See docs/faults.md for the meaning of every kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autonomy import config, toml_file
from autonomy.errors import UsageError

SCHEMA = "autonomy.faults/1"
VALUE_KINDS = ("bias", "scale", "noise", "freeze", "not_available")  # write into the content
ARITHMETIC_KINDS = ("bias", "scale", "noise")
RECORD_KINDS = ("drop", "delay", "duplicate", "reorder", "corrupt", "clock_jump", "impersonate")  # act on whole records
RIG_KINDS = ("process_kill", "process_hang", "bus_off", "flood", "unplug", "stall")
LAMP_KINDS = ("stop_lamp", "warning_lamp")  # of the truck itself, told on its bus
TRUCK_KINDS = ("steering_stuck", "retarder_lost", "brake_circuit_lost", "engine_lost", *LAMP_KINDS)  # source = "truck"
KINDS = RECORD_KINDS + VALUE_KINDS + RIG_KINDS + TRUCK_KINDS
TRUCK = "truck"
KEYS = ("source", "message", "signal", "kind", "start_s", "end_s", "value", "probability", "seed")

INFINITY = math.inf
# Lowest and highest value by kind and what it is; None: the kind takes no value.
# A wait of a minute or a clock an hour off is more than any sensor shows, and bounds what has to be held in memory.
VALUES: dict[str, tuple[float, float, str] | None] = {
    "delay": (1e-9, 60.0, "a delay in seconds"),
    "reorder": (1e-9, 60.0, "a window in seconds"),
    "duplicate": (0, 100, "a whole number of extra copies"),
    "corrupt": (0, 64, "a whole number of bits"),
    "clock_jump": (-3600.0, 3600.0, "a jump in seconds"),
    "impersonate": (0, 255, "the address of the other sender"),
    "bias": (-INFINITY, INFINITY, "a number in SI units"),
    "scale": (-INFINITY, INFINITY, "a factor"),
    "noise": (0.0, INFINITY, "a standard deviation in SI units"),
    **dict.fromkeys(LAMP_KINDS, (0, 253, "the address of the controller")),
    "brake_circuit_lost": (1, 3, "the number of the circuit: 1 driven axles, 2 front axle, 3 trailer"),
}
WHOLE = ("impersonate", "duplicate", "corrupt", "brake_circuit_lost", *LAMP_KINDS)
OPTIONAL = ("duplicate", "corrupt")  # one copy, one bit


@dataclass(frozen=True)
class Fault:
    """One entry. `number` counts from 1 in the file; times are seconds from the log's first record, `end_s` exclusive."""

    number: int
    source: str
    kind: str
    start_s: float = 0.0
    end_s: float | None = None
    value: float = 0.0
    probability: float = 1.0
    seed: int = 0
    message: str | None = None
    signal: str | None = None


@dataclass(frozen=True)
class Timeline:
    """The faults of a file in its order, which is the order they act in."""

    path: str
    faults: tuple[Fault, ...]

    def where(self, fault: Fault) -> str:
        """How an error names a fault."""
        return f"{self.path}: fault {fault.number}"

    def of_truck(self) -> tuple[Fault, ...]:
        """What happens to the truck itself: it needs one that drives."""
        return tuple(fault for fault in self.faults if fault.kind in TRUCK_KINDS)

    def of_records(self) -> Timeline:
        """What happens to what is said of it."""
        return Timeline(self.path, tuple(fault for fault in self.faults if fault.kind not in TRUCK_KINDS))

    def refuse_rig_kinds(self) -> None:
        """Raises UsageError when a fault needs processes or hardware, which a replay does not have."""
        for fault in self.faults:
            if fault.kind in TRUCK_KINDS:
                raise UsageError(f"{self.where(fault)}: kind = '{fault.kind}' happens to a truck that drives, a recorded one has "
                                 "driven; use it with autonomy hil run")  # fmt: skip
            if fault.kind in RIG_KINDS:
                possible = ", ".join(RECORD_KINDS + VALUE_KINDS)
                raise UsageError(f"{self.where(fault)}: kind = '{fault.kind}' needs the rig; a replay can do {possible}")


def find(name: str | Path) -> Path:
    """The file of a path or of a packaged name such as `gnss_drop`. Raises UsageError."""
    folder = config.directory() / "faults"
    for candidate in (Path(name), folder / f"{name}.toml"):
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(path.stem for path in folder.glob("*.toml")))
    raise UsageError(f"no fault timeline '{name}': neither a file nor one of the packaged ones ({known})")


def load(name: str | Path) -> Timeline:
    """Reads and checks a timeline. Raises UsageError naming file, fault, key, value and what is allowed."""
    path = find(name)
    return from_tables(toml_file.read(path), str(path))


def from_tables(tables: dict[str, Any], path: str) -> Timeline:
    """A timeline from the parsed TOML; `path` is for the errors. Raises UsageError."""
    if tables.get("schema") != SCHEMA:
        raise UsageError(f"{path}: schema = {tables.get('schema')!r} is not '{SCHEMA}'; write schema = \"{SCHEMA}\" at the top")
    unknown = sorted(set(tables) - {"schema", "fault"})
    if unknown:
        raise UsageError(f"{path}: key '{unknown[0]}' is not known; a timeline has schema and [[fault]] entries")
    entries = tables.get("fault", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path}: fault = {entries!r} must be a list of tables; write [[fault]] above each")
    if not entries:
        raise UsageError(f"{path}: holds no [[fault]] entry; add one or leave --faults out")
    return Timeline(path, tuple(_fault(entry, number, f"{path}: fault {number}") for number, entry in enumerate(entries, 1)))


def _fault(entry: dict[str, Any], number: int, where: str) -> Fault:
    for key in entry:
        if key not in KEYS:
            raise UsageError(f"{where}: key '{key}' is not known; allowed are {', '.join(KEYS)}")
    for key in ("source", "kind"):
        if key not in entry:
            raise UsageError(f"{where}: {key} is missing; every fault needs source and kind")
    texts = {key: _text(entry[key], key, where) for key in ("source", "message", "signal", "kind") if key in entry}
    kind = texts["kind"]
    if kind not in KINDS:
        raise UsageError(f"{where}: kind = '{kind}' is not known; use one of {', '.join(KINDS)}")
    if "signal" in texts and kind not in (*VALUE_KINDS, "corrupt"):
        raise UsageError(f"{where}: signal = '{texts['signal']}' has no meaning for {kind}, which acts on whole records; "
                         f"leave it out or use {', '.join(VALUE_KINDS)} or corrupt")  # fmt: skip
    if (texts["source"] == TRUCK) != (kind in TRUCK_KINDS):
        raise UsageError(f"{where}: source = '{texts['source']}' and kind = '{kind}' do not fit: source = '{TRUCK}' goes with "
                         f"{', '.join(TRUCK_KINDS)}, and only with these")  # fmt: skip
    start = _number(entry.get("start_s", 0.0), "start_s", where, 0.0, INFINITY, "seconds from the log's first record")
    end = None
    if "end_s" in entry:
        end = _number(entry["end_s"], "end_s", where, 0.0, INFINITY, "seconds from the log's first record")
        if end <= start:
            raise UsageError(f"{where}: end_s = {end:g} must be above start_s = {start:g}; leave it out for 'to the end'")
    probability = _number(entry.get("probability", 1.0), "probability", where, 0.0, 1.0, "a probability")
    seed = entry.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise UsageError(f"{where}: seed = {seed!r} must be a whole number, zero or more")
    value = _value(entry, kind, where)
    return Fault(number, texts["source"], kind, start, end, value, probability, seed, texts.get("message"), texts.get("signal"))


def _value(entry: dict[str, Any], kind: str, where: str) -> float:
    limits = VALUES.get(kind)
    if limits is None:
        value = entry.get("value", 0.0)
        if kind not in RIG_KINDS and value != 0:
            raise UsageError(f"{where}: value = {value!r} has no meaning for {kind}; leave it out")
        return _number(value, "value", where, -INFINITY, INFINITY, "a number")
    if "value" not in entry and kind not in OPTIONAL:
        raise UsageError(f"{where}: value is missing; {kind} needs {limits[2]}")
    value = _number(entry.get("value", 0), "value", where, *limits)
    if kind in WHOLE:
        if not value.is_integer():
            raise UsageError(f"{where}: value = {value:g} must be {limits[2]} within {limits[0]:g}..{limits[1]:g}")
        value = value or (1.0 if kind in OPTIONAL else 0.0)
    return value


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: {key} = {value!r} must be a name in quotes")
    return value.strip()


def _number(value: Any, key: str, where: str, low: float, high: float, meaning: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{where}: {key} = {value!r} must be {meaning}, a finite number")
    if not low <= value <= high:
        allowed = f"{low:g} or more" if high == INFINITY else f"within {low:g}..{high:g}"
        raise UsageError(f"{where}: {key} = {value:g} must be {meaning}, {allowed}")
    return float(value)
