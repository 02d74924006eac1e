"""The Foxglove layout that comes with the stack, and what it asks of a log: topics and paths of fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autonomy import config

NAME = "foxglove_layout.json"
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def path() -> Path:
    """Where the layout is on this machine."""
    return config.directory() / NAME


def load(file: Path | None = None) -> dict[str, Any]:
    return json.loads((file or path()).read_text(encoding="utf-8"))


def topics(layout: dict[str, Any]) -> set[str]:
    """Every topic that a panel names."""
    found = {split(value)[0] for value in message_paths(layout)}
    for panel in layout["configById"].values():
        found.update(panel.get("topics") or ())
        found.update(panel.get("topicColors") or ())
        found.update(panel[key] for key in ("followTopic", "topicToRender", "topicPath") if panel.get(key))
    return found


def message_paths(layout: dict[str, Any]) -> Iterator[str]:
    """Every path to a field, such as "/out/ego.aids[0].test_ratio"."""
    for panel in layout["configById"].values():
        yield from (item["value"] for item in panel.get("paths") or ())


def split(value: str) -> tuple[str, list[str | int]]:
    """The topic and the steps of a path: names of fields and indices. Raises ValueError for what is none."""
    topic = re.split(r"[.\[]", value, maxsplit=1)[0]
    rest, steps, at = value[len(topic) :], [], 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None:
            raise ValueError(f"{value}: cannot be read as a path behind {topic}{rest[:at]}")
        steps.append(step[1] if step[1] is not None else int(step[2]))
        at = step.end()
    return topic, steps
