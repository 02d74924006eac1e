"""Makes a whole log of what is left of a cut or damaged one, and says what is lost.

Every sound chunk is kept, also behind a damaged one; each record is the one that was written, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autonomy.log.copying import RecordWriter
from autonomy.log.cutting import Copied, Watch
from autonomy.log.reader import LogReader


@dataclass(frozen=True)
class Loss:
    """A damaged chunk: where it lies in the file and the log times its head tells."""

    offset: int
    length: int
    start_ns: int
    end_ns: int


@dataclass
class Recovered(Copied):
    """What was written and what could not be. `tail_bytes` lie behind the last whole record of a cut file."""

    problem: str | None = None
    tail_bytes: int | None = 0  # None where the format cannot tell
    losses: list[Loss] = field(default_factory=list)
    malformed: dict[str, int] = field(default_factory=dict)
    unknown_channel: int = 0

    @property
    def lost_bytes(self) -> int:
        return (self.tail_bytes or 0) + sum(loss.length for loss in self.losses)


def recover(reader: LogReader, output: Path, *, watch: Watch = iter) -> Recovered:
    """Writes everything sound of a recording as one log with its index. Raises EnvironmentFault."""
    writer = RecordWriter(output)
    try:
        problems = writer.copy_descriptions(reader)
        numbers = writer.channel_table(reader)
        for batch in watch(reader.batches(as_bytes=reader.channels.values(), past_damage=True)):
            writer.write(batch, numbers)
        writer.close()
    finally:
        writer.abandon()
    damaged = [Loss(section.offset, section.length, section.start_ns, section.end_ns) for section in reader.damaged]
    return Recovered(
        writer.counts, writer.start_ns, writer.end_ns, {}, problems, reader.problem, reader.unread_bytes, damaged,
        dict(reader.malformed), reader.unknown_channel,
    )  # fmt: skip
