"""TOML tables to the frozen `Parameters` struct: section by section, key by key, nothing left over and nothing missing."""

from __future__ import annotations

import hashlib
import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from autonomy import msg, parameter_limits
from autonomy.config import Config
from autonomy.errors import UsageError
from autonomy.msg import definitions


def load_parameters(config: Config) -> np.ndarray:
    """0-d array of dtype("Parameters"). Raises UsageError."""
    parameters = np.zeros((), msg.dtype("Parameters"))
    for item in definitions.load("Parameters").fields:
        parameters[item.name] = load_section(config, item.name, item.type)
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
    table = dict(config.section(section))
    values, problems = np.zeros((), msg.dtype(message_name)), []
    fields = [item for item in definitions.load(message_name).fields if not item.name.startswith("padding")]
    for item in fields:
        if item.name not in table:
            problems.append(f"{config.path}: [{section}] lacks '{item.name}' ({item.comment or item.type})")
            continue
        try:
            where = f"{config.origin(section, item.name)}: [{section}] {item.name}"
            values[item.name] = _checked(table.pop(item.name), item, where)
        except UsageError as error:
            problems.append(str(error))
    known = ", ".join(item.name for item in fields)
    problems += [f"{config.origin(section, key)}: [{section}] has no key '{key}'; known: {known}" for key in sorted(table)]
    return values, problems


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
