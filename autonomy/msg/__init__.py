"""Messages as NumPy dtypes: `dtype("EgoState")` is the memory of the C struct of the same name.

Lists appear as the fields `count`, `count_padding` and the list's own name (see definitions.py).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from autonomy.msg import definitions
from autonomy.msg.definitions import DefinitionError, layout_hash, schema_text

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DefinitionError", "constants", "dtype", "layout_hash", "schema_text", "to_cdr"]

CDR_HEADER = b"\x00\x01\x00\x00"  # plain CDR, little endian

_NUMPY_TYPES = {name: name for name in definitions.PRIMITIVE_SIZES}


@cache
def dtype(name: str) -> np.dtype:
    """The NumPy dtype of a message; same offsets and size as the C struct."""
    import numpy as np

    message = definitions.load(name)
    names, formats, offsets = [], [], []
    for item in message.fields:
        base = np.dtype(_NUMPY_TYPES[item.type]) if item.type in _NUMPY_TYPES else dtype(item.type)
        offset = item.offset
        if item.kind == "list":
            # The padding is named too: NumPy drops unnamed bytes when it concatenates
            head = ["count", "count_padding"][: item.list_header_size // 4]
            names += head
            formats += [np.dtype("uint32")] * len(head)
            offsets += [offset, offset + 4][: len(head)]
            offset += item.list_header_size
        names.append(item.name)
        formats.append(base if item.kind == "scalar" else (base, (item.length,)))
        offsets.append(offset)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": message.size})


@cache
def constants(name: str) -> dict[str, int | float]:
    """The constants of a message by name."""
    return {
        key: float(value) if kind.startswith("float") else int(value) for kind, key, value in definitions.load(name).constants
    }


@cache
def words(name: str, prefix: str) -> dict[int, str]:
    """What numbers of a message stand for: of its constants that begin with `prefix` the rest, small: {1: "wheel"}."""
    return {value: key.removeprefix(prefix).lower() for key, value in constants(name).items() if key.startswith(prefix)}


@cache
def list_layout(name: str) -> tuple[int, int, int] | None:
    """(offset of the count, offset of the first element, element size) of a message's list, or None without one."""
    message = definitions.load(name)
    if not message.is_loggable:
        raise DefinitionError(f"{name} holds several lists; log them one by one")
    base = 0
    while message.fields[-1].kind != "list":
        last = message.fields[-1]
        if last.type in definitions.PRIMITIVE_SIZES or last.kind != "scalar":
            return None
        base += last.offset
        message = definitions.load(last.type)
    item = message.fields[-1]
    first = base + item.offset + item.list_header_size
    return base + item.offset, first, definitions.PRIMITIVE_SIZES.get(item.type) or definitions.load(item.type).size


def to_cdr(name: str, value: np.ndarray | np.void) -> bytes:
    """One message as CDR bytes with their 4-byte header: its memory, cut after the last list element in use."""
    data = value.tobytes()
    layout = list_layout(name)
    if layout is not None:
        count_offset, first, size = layout
        count = int.from_bytes(data[count_offset : count_offset + 4], "little")
        # An empty list ends after its count: CDR writes no padding for elements that are not there
        data = data[: first + count * size] if count else data[: count_offset + 4]
    return CDR_HEADER + data
