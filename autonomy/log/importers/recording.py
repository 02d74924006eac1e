"""Recordings of any format that can be opened, as one log of ours: several are merged by time, nothing is left out.

`unused` and `notes` are what the readers counted; DBC files travel in the log as `can/<bus>.dbc`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import autonomy
from autonomy.errors import LogError
from autonomy.log.carried_databases import name_of
from autonomy.log.copying import RecordWriter
from autonomy.log.cutting import Watch
from autonomy.log.finishing import finished
from autonomy.log.importers import Conversion
from autonomy.log.merging import SAME, merged
from autonomy.log.opening import open_recording
from autonomy.log.reader import LogReader
from autonomy.log.writer import METADATA_NAME

Watching = Callable[[int | None, int | None], Watch]


def unwatched(start_ns: int | None, end_ns: int | None) -> Watch:
    return iter


_COUNTED = ("unused", "notes")  # metadata of a foreign reader that the conversion tells itself


def convert(sources: Sequence[Path], output: Path, dbc: Mapping[int, Path] | None = None, *,
            metadata: Mapping[str, str] | None = None, watching: Watching = unwatched) -> Conversion:  # fmt: skip
    """Writes the recordings to one log. `dbc` names the DBC file of a bus; `metadata` joins the log's own record, before
    what the recordings tell. `watching(start_ns, end_ns)` gives what sees the merged batches pass.

    Raises LogError when one cannot be opened or their clocks differ, EnvironmentFault.
    """
    texts = {bus: _read(path) for bus, path in (dbc or {}).items()}
    with ExitStack() as files:
        readers = [files.enter_context(open_recording(source)) for source in sources]
        clock = _clock(readers)
        names = list(dict.fromkeys(_own(reader).get("importer", reader.library) for reader in readers))
        conversion = Conversion(", ".join(names))
        watch = watching(min(_times(readers, "start_ns"), default=None), max(_times(readers, "end_ns"), default=None))
        with finished(output) as path:
            told = {"importer": ", ".join(names), "clock": clock, **(metadata or {})}
            _write(readers, path, told, texts, conversion, watch)
        for reader in readers:
            _count(reader, conversion)
    return conversion


def _write(readers: list[LogReader], path: Path, told: dict[str, str], texts: dict[int, bytes], conversion: Conversion,
           watch: Watch) -> None:  # fmt: skip
    writer = RecordWriter(path)
    try:
        told = {"version": autonomy.__version__, **told}
        for reader in readers:
            own = {key: value for key, value in _own(reader).items() if key not in told}
            told |= {key if key not in told else f"{key}@{reader.path.name}": value for key, value in own.items()}
        writer.describe(METADATA_NAME, told)
        own = {name_of(bus): text for bus, text in texts.items()}
        for reader in readers:
            for name in own.keys() & set(reader.attachments):
                conversion.notes[f"{name} of {reader.path.name} gave way to the one given"] += 1
            conversion.problems += writer.copy_descriptions(reader, reader.path.name, but=(METADATA_NAME, *_COUNTED, *own))
        for name, text in own.items():
            writer.attach(name, text, "text/x-dbc")
        streams = [reader.batches(as_bytes=reader.channels.values()) for reader in readers]
        for batch in watch(merged(writer, readers, streams)):
            writer.write(batch, SAME)
        writer.close()
    finally:
        writer.abandon()
    conversion.messages = writer.counts
    conversion.start_ns, conversion.end_ns = writer.start_ns, writer.end_ns


def _times(readers: list[LogReader], name: str) -> list[int]:
    return [time_ns for reader in readers if (time_ns := getattr(reader, name)) is not None]


def _own(reader: LogReader) -> dict[str, str]:
    return reader.metadata.get(METADATA_NAME, {})


def _clock(readers: list[LogReader]) -> str:
    """The clock all recordings share. Raises LogError."""
    clocks = {reader.path.name: _own(reader).get("clock", "unknown") for reader in readers}
    if len(set(clocks.values())) > 1:
        told = ", ".join(f"{name}: {clock}" for name, clock in clocks.items())
        raise LogError(f"the recordings have different clocks and have no common order of time ({told}); convert them apart")
    return next(iter(clocks.values()))


def _count(reader: LogReader, conversion: Conversion) -> None:
    for name, counter in (("unused", conversion.unused), ("notes", conversion.notes)):
        counter.update(getattr(reader, name, {}))
    if reader.unknown_channel:
        conversion.unused["messages on channels the log does not describe"] += reader.unknown_channel
    if reader.truncated:
        conversion.problems.append(f"{reader.path} ends early: {reader.problem}; what stands before is converted")
    if reader.steps_back:
        longest = f"{reader.largest_step_back_ns / 1e9:.6f} s"
        conversion.notes[f"{reader.path.name}: time goes back, by up to {longest} (put in order of time)"] += reader.steps_back
    if reader.late:
        conversion.notes["records out of order of time"] += reader.late


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from error
