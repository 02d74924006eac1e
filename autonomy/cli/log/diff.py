"""`autonomy log diff A B`: where two logs part, topic by topic and field by field."""

from __future__ import annotations

import argparse
from pathlib import Path

from autonomy.cli.log import ending, stretch

MOST_FIELDS = 8  # a topic in the text; --json has all


def add_parser(actions) -> None:
    parser = actions.add_parser(
        "diff",
        help="compare two logs message by message, field by field",
        description="Messages of a topic are compared where their log times are equal. Exit 0 equal, 1 different.",
    )
    parser.add_argument("a", metavar="A", type=Path)
    parser.add_argument("b", metavar="B", type=Path)
    stretch.add_topics(parser)
    parser.add_argument(
        "--ignore-fields", nargs="+", action="extend", default=[], metavar="FIELD",
        help="fields that may differ: time_ns, position[0], items.x, /out/ego.yaw, patterns",
    )  # fmt: skip
    parser.add_argument(
        "--tolerance", action="append", default=[], metavar="FIELD=X", help="largest absolute difference of a field; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy.cli.progress import watching
    from autonomy.errors import FAIL
    from autonomy.log.comparing import Rules, compare
    from autonomy.log.opening import open_recording

    rules = Rules(tuple(arguments.ignore_fields), tuple(map(_tolerance, arguments.tolerance)))
    with open_recording(arguments.a) as a, open_recording(arguments.b) as b:
        topics = stretch.wanted_topics(arguments, [a, b])
        found = compare(a, b, topics, rules, watching("diff", a.start_ns, a.end_ns))
        equal = all(topic.equal for topic in found.values())
        if arguments.json:
            _print_json(arguments, found, equal)
        else:
            _print(arguments, found, a.start_ns if a.start_ns is not None else b.start_ns or 0)
        return ending.report([a, b]) or (0 if equal else FAIL)


def _tolerance(text: str) -> tuple[str, float]:
    from autonomy.errors import UsageError

    name, _, value = text.rpartition("=")
    try:
        limit = float(value)
    except ValueError:
        limit = -1.0
    if not name or not limit >= 0.0:
        raise UsageError(f"--tolerance {text}: write FIELD=X with a number X, zero or more")
    return name, limit


def _print_json(arguments: argparse.Namespace, found: dict, equal: bool) -> None:
    import json

    from autonomy.playback.json_values import without_nan

    topics = {
        topic: {**vars(item), "equal": item.equal, "fields": [vars(part) for part in item.fields.values()]}
        for topic, item in found.items()
    }
    print(json.dumps(without_nan({"a": str(arguments.a), "b": str(arguments.b), "equal": equal, "topics": topics})))


def _print(arguments: argparse.Namespace, found: dict, origin_ns: int) -> None:
    from autonomy.log.printing import number_text

    print(f"a: {arguments.a}\nb: {arguments.b}")
    for topic, item in found.items():
        print(f"  {topic:<24}{item.a:>10}{item.b:>10}  {_verdict(item)}")
        for name in ("a", "b"):
            count, first_ns = getattr(item, f"only_{name}"), getattr(item, f"first_only_{name}_ns")
            if count:
                print(f"      {count} only in {name}, the first at {_at(first_ns, origin_ns)}")
        first = item.first
        if first is not None:
            values = f"{number_text(first.a)} | {number_text(first.b)}"
            print(f"      first at {_at(first.time_ns, origin_ns)}: {first.place} {values}")
        for part in sorted(item.fields.values(), key=lambda part: -part.messages)[:MOST_FIELDS]:
            largest = f", largest {part.largest:.6g}" if part.largest is not None else ""
            print(f"      {part.name:<32}{part.messages:>8} messages{largest}")
        if len(item.fields) > MOST_FIELDS:
            print(f"      ... and {len(item.fields) - MOST_FIELDS} more fields (--json has all)")
    differing = sum(not item.equal for item in found.values())
    print("equal" if not differing else f"{differing} of {len(found)} topics differ")


def _verdict(item) -> str:
    words = "equal" if item.equal else f"{item.differing} differ" if item.differing else "those in both are equal"
    if not item.a or not item.b:
        words = "equal" if item.equal else f"only in {'a' if item.a else 'b'}"
    return f"{words} ({item.note})" if item.note else words


def _at(time_ns: int, origin_ns: int) -> str:
    return f"{(time_ns - origin_ns) / 1e9:.6f} s ({time_ns} ns)"
