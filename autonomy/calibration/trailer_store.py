"""The trailers that earlier drives have learned: rows of [truck] stored_trailer, each by its name in [trailers]."""

from __future__ import annotations

from typing import Any

from autonomy.errors import UsageError
from autonomy.estimation.truck import stored_trailer
from autonomy.msg import definitions

MOST = next(item.length for item in definitions.load("TruckParameters").fields if item.name == "stored_trailer")


def names_of(sections: dict[str, Any]) -> list[str]:
    """Of the stored trailers, in their order. Raises UsageError."""
    names = sections.get("trailers", {}).get("names", [])
    rows = len(sections.get("truck", {}).get("stored_trailer", []))
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"[trailers] names = {names!r}: give a list of names, one for each row of [truck] stored_trailer")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"[trailers] names: '{twice[0]}' comes more than once; give each trailer a name of its own")
    if len(names) > rows:
        raise UsageError(f"[trailers] names: {len(names)} names, and [truck] stored_trailer has {rows} rows")
    return names


def with_trailer(sections: dict[str, Any], name: str, last) -> dict[str, Any] | str:
    """{"section.key": value} that puts what a drive learned under `name`, in place of what stood there; a sentence when the drive
    did not measure its trailer. `sections`: of the configuration in force; `last`: the drive's last TruckState.

    Raises UsageError when all places hold other trailers, and as `names_of`.
    """
    measured = stored_trailer.row(last)
    if measured is None:
        return "not stored: the drive did not measure its wheelbase anew, which takes a trailer sensor and bends"
    rows = [dict(row) for row in sections.get("truck", {}).get("stored_trailer", [])]
    names = names_of(sections)
    names = (names + [f"trailer {place + 1}" for place in range(len(names), len(rows))])[: len(rows)]
    if name in names:
        rows[names.index(name)] = measured
    elif len(rows) == MOST:
        raise UsageError(f"--trailer {name}: {MOST} trailers are stored already ({', '.join(names)}), and there is room for no "
                         "more; give one of these names, or take one out of [truck] stored_trailer")  # fmt: skip
    else:
        rows.append(measured)
        names.append(name)
    return {"truck.stored_trailer": rows, "trailers.names": names}
