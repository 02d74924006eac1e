"""The outputs of a recorded drive that a route is learned from, some seconds at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.errors import BadInputError
from autonomy.log.ordered import Batch, OrderedReader, rows_of
from autonomy.log.run_folder import WITH_OUTPUTS, log_in

__all__ = ["log_of", "outputs_of"]

TOPICS = {"/out/ego": msg.dtype("EgoState"), "/out/truck": msg.dtype("TruckState")}


def log_of(path: Path) -> Path:
    """A drive's log, given by itself or by its folder. Raises BadInputError."""
    if not path.is_dir():
        return path
    found = log_in(path, outputs=True)
    if found is None:
        raise BadInputError(f"{path}: holds neither {' nor '.join(WITH_OUTPUTS)}; give the log of a drive, or the folder of one")
    return found


def outputs_of(reader: OrderedReader) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(EgoState (n,), TruckState (n,)) of the same ticks. Raises BadInputError when the log holds none."""
    if missing := [topic for topic in TOPICS if topic not in reader.topics]:
        raise BadInputError(f"{reader.path}: has no topic {missing[0]}, so nothing can be learned from it; run "
                            f"'autonomy replay {reader.path} -o DIR' and give that folder")  # fmt: skip
    waiting = {topic: np.zeros(0, dtype) for topic, dtype in TOPICS.items()}
    for batch in reader.batches(TOPICS):
        for topic, dtype in TOPICS.items():
            numbers = [number for number, channel in reader.channels.items() if channel.topic == topic]
            own = Batch(batch.records[np.isin(batch.records["channel"], numbers)], batch.data)
            waiting[topic] = np.concatenate([waiting[topic], rows_of(own, dtype)])
        ego, truck = waiting.values()
        common, of_ego, of_truck = np.intersect1d(ego["time_ns"], truck["time_ns"], return_indices=True)
        if len(common):
            yield ego[of_ego], truck[of_truck]
            waiting = {topic: rows[rows["time_ns"] > common[-1]] for topic, rows in waiting.items()}
