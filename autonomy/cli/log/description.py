"""What info and check print of a log."""

from __future__ import annotations


def description(reader, counts: dict[str, int]) -> dict:
    """The --json object."""
    return {
        "path": str(reader.path),
        "messages": counts,
        "schemas": {channel.topic: channel.schema for channel in reader.channels.values()},
        "start_ns": reader.start_ns,
        "end_ns": reader.end_ns,
        "truncated": reader.truncated,
        "last_good_ns": reader.last_good_ns,
        "problem": reader.problem,
        "steps_back": reader.steps_back,
        "largest_step_back_ns": reader.largest_step_back_ns,
        "metadata": reader.metadata,
        "attachments": reader.attachments,
        "library": reader.library,
    }


def unreadable(path, error: Exception) -> dict:
    """The --json object of a file that cannot be opened; says why on stderr, so that the other files still have their turn."""
    import sys

    print(f"autonomy: {error}", file=sys.stderr)
    return {"path": str(path), "problems": [str(error)]}


def print_description(rows: dict) -> None:
    duration = (rows["end_ns"] - rows["start_ns"]) / 1e9 if rows["start_ns"] is not None else 0.0
    print(f"{rows['path']}: {sum(rows['messages'].values())} messages, {duration:.3f} s, written by {rows['library']}")
    for topic, count in rows["messages"].items():
        print(f"  {topic:<24}{count:>10}  {count / duration if duration else 0.0:>9.1f} Hz  {rows['schemas'][topic]}")
    if rows["steps_back"]:
        times = "once" if rows["steps_back"] == 1 else f"{rows['steps_back']} times"
        print(
            f"  time goes back {times}, by up to {rows['largest_step_back_ns'] / 1e9:.6f} s: a clock that was set, several "
            "drives in one file, or frames that overtook each other; read in the order of time"
        )
    for name, values in rows["metadata"].items():
        for key, value in values.items():
            print(f"  {name}.{key}: {value}")
    for name in rows["attachments"]:
        print(f"  attachment {name}")


def print_json(found: list[dict]) -> None:
    """One object for one log, a list for several."""
    import json

    print(json.dumps(found[0] if len(found) == 1 else found))
