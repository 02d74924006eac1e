"""The command bus of a drive in closed loop: what was sent, what the truck's controllers say of themselves."""

from __future__ import annotations

from typing import Any

from autonomy.report.drive import Drive
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number, percent, whole

TITLE = "Command bus"


def section(drive: Drive) -> Section:
    bus = drive.metrics.get("command_bus")
    if not bus:
        return Section("bus", TITLE, missing="The commands went to the truck without a bus: the level of the sensors or the "
                       "plant has none.")  # fmt: skip
    node = bus["node"]
    text = (
        f"Commands travelled as frames on bus {bus['bus']} ({bus['bit_rate'] // 1000} kbit/s) and the truck obeyed what its "
        f"controllers decoded: {whole(bus['sent'])} frames sent, {number(bus['sent_per_s'], '1/s')}, "
        f"{percent(bus['sent_load'])} of the bus; {whole(bus['withheld'])} withheld while we had no address. Our address: "
        f"{node['address']:#04x}, {node['state']}. The log has them on /raw/can/{bus['bus']}, marked as transmitted."
    )
    tables = [_groups(bus), _partners(bus["partners"])]
    if bus["refused"]:
        tables.append(Table("Not obeyed", ("Reason", "Frames"), tuple((why, whole(count)) for why, count in
                            sorted(bus["refused"].items())), flags=tuple(True for _ in bus["refused"])))  # fmt: skip
    if bus["news"]:
        rows = tuple((f"{(item['time_ns'] - drive.origin_ns) / 1e9:.2f} s", item["text"]) for item in bus["news"])
        tables.append(Table("Heard on the bus", ("At", "What"), rows, text_columns=2))
    return Section("bus", TITLE, text, (), tuple(tables))


def _groups(bus: dict[str, Any]) -> Table:
    rows = tuple(
        (row["direction"], f"{row['pgn']:04X}", row["name"],
         "all" if row["destination"] == 0xFF else f"{row['destination']:#04x}", whole(row["frames"]), number(row["per_s"], "1/s"))
        for row in bus["groups"]
    )  # fmt: skip
    return Table("Frames by parameter group", ("Direction", "PGN", "Message", "To", "Frames", "Rate"), rows, text_columns=4)


def _partners(partners: list[dict[str, Any]]) -> Table:
    rows, flags = [], []
    for item in partners:
        lamps, codes = item["worst_lamps"], [code["text"] for code in item["worst_codes"]]
        told = ", ".join(filter(None, (item.get("component"), item.get("vehicle"), item.get("software"))))
        weight = "" if item["weight_kg"] is None else f"combination {number(item['weight_kg'], 'kg')}"
        rows.append((f"{item['address']:#04x} {item['name']}".rstrip(), "; ".join(filter(None, (told, weight))),
                     "; ".join(lamps + codes) or ("no trouble" if item["lamps"] is not None else "no DM1")))  # fmt: skip
        flags.append(bool(lamps or codes))
    columns = ("Controller", "Says of itself", "Trouble (DM1)")
    return Table("Partners on the bus", columns, tuple(rows), text_columns=3, flags=tuple(flags))
