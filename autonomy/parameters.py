"""TOML tables to the frozen `Parameters` struct: section by section, key by key, nothing left over and nothing missing."""

from __future__ import annotations

import hashlib
import math
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from autonomy import fault_row_checks, msg, parameter_limits, track_sensor_checks, vehicle_checks
from autonomy.config import Config
from autonomy.errors import UsageError
from autonomy.msg import definitions

WORDS = {
    ("EngagementCondition", "signal"): ("SignalSample", ""),
    ("FaultRow", "signal"): ("SignalSample", ""),
    ("SourcePreference", "signal"): ("SignalSample", ""),
}  # fields whose words are another message's constants


def load_parameters(config: Config) -> np.ndarray:
    """0-d array of dtype("Parameters"). Raises UsageError."""
    parameters = np.zeros((), msg.dtype("Parameters"))
    for item in definitions.load("Parameters").fields:
        parameters[item.name] = load_section(config, item.name, item.type)
    if wrong := vehicle_checks.mass_beyond_reach(parameters["vehicle"], parameters["truck"]):
        raise UsageError(f"{_Place(config, 'vehicle').of('mass_kg')} mass_kg {wrong}")
    return parameters


def load_section(config: Config, section: str, message_name: str) -> np.ndarray:
    """One table as the struct of its message. Raises UsageError."""
    values, problems = _section(config, section, message_name)
    if problems:
        raise UsageError(problems[0])
    return values


def section_problems(config: Config, section: str, message_name: str) -> list[str]:
    """Everything for which `load_section` would refuse the table, a sentence each."""
    try:
        return _section(config, section, message_name)[1]
    except UsageError as error:
        return [str(error)]


def _section(config: Config, section: str, message_name: str) -> tuple[np.ndarray, list[str]]:
    values, place = np.zeros((), msg.dtype(message_name)), _Place(config, section)
    problems = _fill(values, config.section(section), message_name, place)
    if message_name == "VehicleParameters" and not problems:
        problems = [f"{place.of(key)} {key} {wrong}" for key, wrong in vehicle_checks.impossible(values)]
    if message_name == "FaultParameters" and not problems:
        problems = [f"{place.inside('row', row).of(key)} {key} {wrong}"
                    for row, key, wrong in fault_row_checks.impossible(values["row"])]  # fmt: skip
    if message_name == "TracksParameters" and not problems:
        problems = [f"{place.inside('sensor', row).of(key)} {key} {wrong}"
                    for row, key, wrong in track_sensor_checks.impossible(values["sensor"])]  # fmt: skip
    return values, problems


class _Place(NamedTuple):
    """Where a value stands, for the sentences about it."""

    config: Config
    section: str
    top: str = ""  # the section's own key, which knows its file
    path: str = ""  # ".speed", ".sender[2]"

    def of(self, key: str) -> str:
        return f"{self.config.origin(self.section, self.top or key)}: [{self.section}{self.path}]"

    def inside(self, key: str, index: int | None = None) -> _Place:
        return self._replace(top=self.top or key, path=f"{self.path}.{key}" + ("" if index is None else f"[{index}]"))


def _fill(values: np.ndarray, given: Any, message_name: str, place: _Place) -> list[str]:
    """Writes a table into the struct of its message; a sentence for everything that is wrong with it."""
    if not isinstance(given, dict):
        return [f"{place.of('')} = {given!r}: needs a table"]
    table, problems = dict(given), []
    fields = [item for item in definitions.load(message_name).fields if not item.name.startswith("padding")]
    for item in fields:
        if item.name not in table:
            problems.append(f"{place.of(item.name)} lacks '{item.name}' ({item.comment or item.type})")
            continue
        value = table.pop(item.name)
        if item.type not in definitions.PRIMITIVE_SIZES:
            problems += _fill_nested(values, value, item, place)
            continue
        where = f"{place.of(item.name)} {item.name}"
        try:
            values[item.name] = _checked(_number(value, message_name, item, where), item, where)
        except UsageError as error:
            problems.append(str(error))
    known = ", ".join(item.name for item in fields)
    problems += [f"{place.of(key)} has no key '{key}'; known: {known}" for key in sorted(table)]
    return problems


def _fill_nested(values: np.ndarray, given: Any, item: definitions.Field, place: _Place) -> list[str]:
    """A table, or a list of at most as many tables as the message has room for; the rest stays zero, which means unused."""
    if item.kind == "scalar":
        return _fill(values[item.name], given, item.type, place.inside(item.name))
    if not isinstance(given, list) or len(given) > item.length:
        return [f"{place.of(item.name)} {item.name}: needs a list of at most {item.length} tables"]
    found = (_fill(values[item.name][i], row, item.type, place.inside(item.name, i)) for i, row in enumerate(given))
    return [problem for problems in found for problem in problems]


def _number(value: Any, message_name: str, item: definitions.Field, where: str) -> Any:
    """A word stands for the constant that has it behind the field's name: kind = "wheel" is KIND_WHEEL of the same message."""
    if "int" not in item.type:
        return value
    owner, prefix = WORDS.get((message_name, item.name), (message_name, f"{item.name.upper()}_"))
    words = {word: number for number, word in msg.words(owner, prefix).items()}
    if isinstance(value, Integral) and not isinstance(value, bool) and words:
        if value and value not in words.values() and not _is_combination(value, words.values()):
            raise UsageError(f"{where} = {value}: stands for nothing; use one of {', '.join(words)}")
        return value
    if not isinstance(value, str):
        return value
    words.pop("none", None)  # what is not there is not written
    if words and value.lower() not in words:
        raise UsageError(f"{where} = '{value}': use one of {', '.join(words)}")
    return words.get(value.lower(), value)


def _is_combination(value: int, numbers) -> bool:
    """Of flags: numbers of one bit each, of which several may hold."""
    bits = [number for number in numbers if number]
    return all(number & (number - 1) == 0 for number in bits) and 0 <= value <= sum(bits)


def parameters_sha256(parameters: np.ndarray) -> str:
    return hashlib.sha256(parameters.tobytes()).hexdigest()


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False


def _checked(value: Any, item: definitions.Field, where: str) -> Any:
    integer = "int" in item.type
    elements = value if isinstance(value, list) else [value]
    if item.kind == "array" and len(elements) != item.length:
        raise UsageError(f"{where} = {value!r}: needs {item.length} numbers")
    if item.kind == "scalar" and isinstance(value, list):
        raise UsageError(f"{where} = {value!r}: needs one number")
    for element in elements:
        if isinstance(element, bool) and integer:
            continue
        if isinstance(element, bool) or not isinstance(element, Real):
            raise UsageError(f"{where} = {element!r}: not a number")
        if integer and not isinstance(element, Integral):
            raise UsageError(f"{where} = {element!r}: needs a whole number")
        if not integer and not _is_finite(element):
            raise UsageError(f"{where} = {element!r}: needs a finite number")
        if not integer and (wrong := parameter_limits.complaint(item.name, element)):
            raise UsageError(f"{where} = {element!r}: {wrong}")
        if integer:
            limits = np.iinfo(item.type)
            if not limits.min <= element <= limits.max:
                raise UsageError(f"{where} = {element!r}: outside {limits.min}..{limits.max}")
    return value
