"""A figure that cannot be measured, for its recordings are not here."""

from __future__ import annotations

from autonomy.recordings import VARIABLE

AIM = "recordings there"


def missing(what: str, folder: str) -> dict:
    """The row that takes the place of the figures; the suite is then inconclusive."""
    figure = f"{what}: set {VARIABLE} to the folder that holds {folder}"
    return {"figure": figure, "value": None, "unit": "", "aim": AIM, "met": None}


def is_missing(row: dict) -> bool:
    return row["aim"] == AIM
