"""What the sections of a report read: a run's messages, its reference, its axis of time. Loaded when first asked for."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from autonomy.errors import AutonomyError
from autonomy.evaluation.reference import RECEIVER
from autonomy.report import errors

if TYPE_CHECKING:
    from autonomy.playback.metrics import TickTimes
    from autonomy.playback.result import Result


@dataclass
class Drive:
    """`result.log_path` is the run's output log, where one was written."""

    result: Result
    tick_times: TickTimes | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        return self.result.metrics

    def topic(self, name: str) -> np.ndarray:
        """One message of the ticks shown, of a short run all; of a message with a list only its head."""
        return self.result.shown(name)

    @cached_property
    def tick_indices(self) -> np.ndarray:
        """Of the ticks shown, among all ticks of the run."""
        ticks = self.result.shown_ticks
        return np.arange(len(self.tick_time_ns)) if ticks is None else ticks

    def share(self, holds: np.ndarray) -> float:
        """The share of the time in which something holds, told for every tick shown."""
        if self.result.shown_ticks is None:
            return float(holds.mean())
        weights = np.diff(self.result.shown_ticks, append=self.result.shown_ticks[-1] + 1)
        return float(weights[holds].sum() / weights.sum())

    @cached_property
    def ego(self) -> np.ndarray:
        return self.topic("ego")

    @cached_property
    def tick_time_ns(self) -> np.ndarray:
        return self.topic("vehicle")["time_ns"]

    @cached_property
    def origin_ns(self) -> int:
        """The zero of every time axis: the log's first record, or the first tick where that is not known."""
        known = self.result.start_ns
        if known is not None:
            return int(known)
        return int(self.tick_time_ns[0]) if len(self.tick_time_ns) else 0

    def seconds(self, time_ns: np.ndarray) -> np.ndarray:
        return (np.asarray(time_ns, np.int64) - self.origin_ns) / 1e9

    @cached_property
    def time_s(self) -> np.ndarray:
        """Seconds from the log's start of every tick."""
        return self.seconds(self.tick_time_ns)

    @cached_property
    def x_range(self) -> tuple[float, float]:
        """The common axis of time."""
        if len(self.time_s) < 2 or self.time_s.max() <= self.time_s.min():
            return 0.0, 1.0
        first, last = float(self.time_s.min()), float(self.time_s.max())
        length = (self.metrics.get("log") or {}).get("duration_s") or last
        # Round ends: the first tick comes a moment after the first record, the last one a moment before the end
        last = length if last < length < 1.02 * last else last
        last = math.ceil(last) if math.ceil(last) - last < 0.005 * last else last
        return (0.0 if 0.0 < first < 0.02 * last else first), float(last)

    @property
    def reference(self) -> np.ndarray:
        """Array of dtype("ReferencePose"), empty without a reference."""
        return self.result.reference

    @property
    def is_held_against_receiver(self) -> bool:
        """Whether the reference is nothing but the fixes that the filter was given."""
        return self.metrics.get("outage_reference") == RECEIVER

    @property
    def reference_delay_s(self) -> float:
        """Age of the reference's positions at their times."""
        delay = ((self.metrics.get("clocks") or {}).get("gnss_position") or {}).get("delay_s")
        return float(delay or 0.0) if self.is_held_against_receiver else 0.0

    @cached_property
    def errors(self) -> errors.Errors | None:
        """None against the receiver's own fixes too: no bounds could be held against those."""
        return None if self.is_held_against_receiver else errors.compare(self.result.reference_ego, self.reference)

    @cached_property
    def enu_origin(self) -> tuple[float, float, float] | None:
        return errors.origin_of(self.ego)

    @cached_property
    def vehicle(self) -> np.void | None:
        """A row of VehicleParameters from the run's own log; None without one."""
        path = self.result.log_path
        if path is None or not path.is_file():
            return None
        from autonomy.log.reader import LogReader

        with contextlib.suppress(AutonomyError), LogReader(path) as reader:
            if "/parameters" in reader.topics:
                return reader.read_topic("/parameters")[0]["vehicle"].copy()
        return None

    @cached_property
    def truck_truth(self) -> np.ndarray:
        """Array of dtype("ReferenceTruck") from the run's own log, empty without one."""
        from autonomy import msg

        path = self.result.log_path
        if path is not None and path.is_file():
            from autonomy.log.reader import LogReader

            with contextlib.suppress(AutonomyError), LogReader(path) as reader:
                if "/ref/truck" in reader.topics:
                    return reader.read_topic("/ref/truck")
        return np.zeros(0, msg.dtype("ReferenceTruck"))

    def input_messages(self, kind: str):
        """(tick time, samples in use) of every list of inputs the run's own log holds; nothing without such a log."""
        path = self.result.log_path
        if path is None or not path.is_file():
            return
        from autonomy.log.reader import LogReader

        try:
            with LogReader(path) as reader:
                if f"/in/{kind}" in reader.topics:
                    for time_ns, message in reader.messages(f"/in/{kind}"):
                        yield time_ns, message["items"][: message["count"]]
        except AutonomyError:
            return  # a report without grey dots is better than none

    def input_times(self) -> dict[str, np.ndarray]:
        """When samples of each kind of input came in: int64 ns, rising; nothing without the run's own log."""
        path = self.result.log_path
        found: dict[str, list[np.ndarray]] = {}
        if path is None or not path.is_file():
            return {}
        from autonomy.log.reader import LogReader

        with contextlib.suppress(AutonomyError), LogReader(path) as reader:
            names = {number: channel.topic for number, channel in reader.channels.items()}
            wanted = [topic for topic in reader.topics if topic.startswith("/in/") and topic != "/in/frame"]
            for batch in reader.batches(wanted):
                for number in np.unique(batch.records["channel"]).tolist():
                    times = batch.records["log_time_ns"][batch.records["channel"] == number]
                    found.setdefault(names[number].removeprefix("/in/"), []).append(times.astype(np.int64))
        return {kind: np.concatenate(parts) for kind, parts in found.items()}
