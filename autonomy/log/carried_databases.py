"""The DBC files that travel in a log, as attachments `can/<bus>.dbc`."""

from __future__ import annotations

from autonomy.log.ordered import OrderedReader


def name_of(bus: int) -> str:
    """The attachment's name."""
    return f"can/{bus}.dbc"


def carried_databases(reader: OrderedReader) -> dict[int, str]:
    """DBC texts by bus. Raises LogError for a damaged attachment."""
    texts = {}
    for name in reader.attachments:
        number = name.removeprefix("can/").removesuffix(".dbc")
        if number.isdecimal() and name == name_of(int(number)):
            texts[int(number)] = reader.attachment(name).decode("utf-8", errors="replace")
    return texts
