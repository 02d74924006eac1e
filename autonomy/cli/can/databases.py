"""The messages the commands know: the packaged J1939 table, DBC files for all buses or for one, those that a log carries."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from autonomy.config import directory
from autonomy.errors import UsageError
from drivers.can.codec import Codec
from drivers.can.database import Database, Message, Signal, load, parse
from drivers.can.tables import pgn_of

__all__ = ["Catalogue"]

NOTHING: Mapping[int, str] = MappingProxyType({})
ANY_BUS = 255  # the codec's number for buses without a DBC of their own
PER_BUS = re.compile(r"(\d+)=(.+)")


@dataclass(frozen=True)
class Catalogue:
    """Codec and tables of all buses."""

    databases: dict[int, Database]

    @classmethod
    def from_options(cls, options: list[str], all_j1939: bool = False, carried: Mapping[int, str] = NOTHING) -> Catalogue:
        """From --dbc [BUS=]FILE options, then what a log carries by bus. Problems of the files go to stderr.

        Raises UsageError, DatabaseError.
        """
        packaged = load(directory() / "j1939.dbc")
        general: list[Database] = []
        of_bus: dict[int, list[Database]] = {}
        for option in options:
            found = PER_BUS.fullmatch(option)
            database = load(found[2] if found else option, True if all_j1939 else None)
            if not found:
                general.append(database)
            elif int(found[1]) >= ANY_BUS:
                raise UsageError(f"--dbc {option}: bus {found[1]} is not within 0..{ANY_BUS - 1}")
            else:
                of_bus.setdefault(int(found[1]), []).append(database)
        own = {bus: [*of_bus.get(bus, []), *general] for bus in {*of_bus, *carried}}
        for bus, text in carried.items():
            own[bus].append(parse(text, f"can/{bus}.dbc in the log", True if all_j1939 else None))
        catalogue = cls({
            ANY_BUS: _merged([*general, packaged]),
            **{bus: _merged([*found, packaged]) for bus, found in sorted(own.items())},
        })  # fmt: skip
        for problem in dict.fromkeys(catalogue.codec.problems):
            print(f"can: {problem}", file=sys.stderr)
        return catalogue

    @cached_property
    def codec(self) -> Codec:
        return Codec(self.databases)

    @cached_property
    def signal_of_spn(self) -> dict[int, str]:
        """Names for trouble codes."""
        return {
            signal.spn: signal.name
            for database in self.databases.values() for message in database.messages for signal in message.signals if signal.spn
        }  # fmt: skip

    def codec_bus(self, bus: int) -> int:
        """The codec's number for a bus."""
        return bus if bus in self.databases else ANY_BUS

    def message(self, bus: int, identifier: int) -> Message | None:
        """The message of a frame, None when no table names it."""
        index = self.codec.find(identifier, self.codec_bus(bus))
        return self.codec._tables.message_list[index] if index >= 0 else None

    def named(self, name: str) -> Message:
        """The message of that name. Raises UsageError."""
        messages = self.databases[ANY_BUS].messages
        for message in messages:
            if message.name.lower() == name.lower():
                return message
        raise UsageError(
            f"no message {name}; the tables have {', '.join(message.name for message in messages)}; add one with --dbc"
        )

    def group_names(self) -> dict[int, str]:
        """{PGN: message name} of the J1939 messages."""
        messages = self.databases[ANY_BUS].messages
        return {pgn_of(message.identifier): message.name for message in reversed(messages) if message.is_j1939}

    def decode(self, bus: int, identifier: int, data: bytes) -> list[tuple[Signal, float, int]]:
        """(signal, value, validity) of a message that is named."""
        message = self.message(bus, identifier)
        found = self.codec.decode(identifier, data, self.codec_bus(bus))
        if message is None or found is None:
            return []
        return list(zip(message.signals, found[0].tolist(), found[1].tolist(), strict=True))


def _merged(databases: list[Database]) -> Database:
    """One database; what the earlier ones name is not taken from the later ones."""
    messages: list[Message] = []
    known: set[tuple[bool, int]] = set()
    for database in databases:
        own = {_key(message) for message in database.messages}
        messages += [message for message in database.messages if _key(message) not in known]
        known |= own
    merged = replace(databases[0], messages=tuple(messages))
    return replace(merged, problems=tuple(problem for database in databases for problem in database.problems))


def _key(message: Message) -> tuple[bool, int]:
    return message.is_j1939, pgn_of(message.identifier) if message.is_j1939 else message.identifier
