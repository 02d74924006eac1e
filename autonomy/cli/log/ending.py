"""What an action says of a recording that ends early, and the code it then ends with."""

from __future__ import annotations

import sys


def ending(reader) -> str:
    """Where the recording ends, why, and how to get a whole one."""
    if reader.last_good_ns is None or reader.start_ns is None:
        return f"it ends early: {reader.problem}; no record stands before that"
    seconds = (reader.last_good_ns - reader.start_ns) / 1e9
    whole = reader.path.with_name(reader.path.stem + ".recovered.mcap")
    return (
        f"it ends early: {reader.problem}; the {seconds:.3f} s up to {reader.last_good_ns} ns can be read; "
        f"'autonomy log recover {reader.path} -o {whole}' writes them as a whole log"
    )


def tell_unused(reader) -> None:
    """Says on stderr what a recording of another format holds and we do not."""
    for reason, count in reader.unused.items():
        print(f"autonomy: {reader.path}: left out: {reason}: {count}", file=sys.stderr)


def report(readers, action: str = "") -> int:
    """Says on stderr what the pass over the recordings left out or found odd; 3 when one ended early, else 0."""
    from autonomy.errors import BAD_INPUT, PASS

    code = PASS
    for reader in readers:
        tell_unused(reader)
        for topic, count in reader.malformed.items():
            print(f"autonomy: {reader.path}: left out {count} unreadable messages of {topic}", file=sys.stderr)
        if reader.unknown_channel:
            print(
                f"autonomy: {reader.path}: left out {reader.unknown_channel} messages of channels it does not describe",
                file=sys.stderr,
            )
        if reader.late and action != "sort":
            print(
                f"autonomy: {reader.path}: {reader.late} records came too late to be put in order; "
                f"'autonomy log sort' orders a log of any disorder",
                file=sys.stderr,
            )
        if reader.truncated:
            print(f"autonomy: {reader.path}: {ending(reader)}", file=sys.stderr)
            code = BAD_INPUT
    return code
