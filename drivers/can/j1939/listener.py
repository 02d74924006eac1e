"""Turns the frames of one bus into J1939 messages, single or assembled, and keeps the table of addresses."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.can.j1939.address import AddressTable
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, parse
from drivers.can.j1939.transport import TRANSPORT_GROUPS, Failure, Message, TransportReceiver

__all__ = ["Listener"]


class Listener:
    """One bus. `transport.counts` and `addresses` tell what was seen."""

    def __init__(self) -> None:
        self.transport = TransportReceiver()
        self.addresses = AddressTable()

    def hear(self, time_ns: int, identifier: int, data: bytes) -> Iterator[Message | Failure]:
        """What one extended data frame gives: itself as a message, or what it completes or ends in the transport protocol."""
        priority, pgn, source, destination = parse(identifier)
        if pgn in TRANSPORT_GROUPS:
            yield from self.transport.receive(time_ns, identifier, data)
            return
        if pgn == ADDRESS_CLAIMED:
            self.addresses.receive(time_ns, source, data)
        yield Message(time_ns, time_ns, priority, pgn, source, destination, data)
