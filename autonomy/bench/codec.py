"""The CAN codec beside cantools and a vectorised NumPy decoder, on the J1939 frames a truck sends most.

Peers and ours are timed in turns within one run, so that a busy machine slows both. The best of the rounds counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

ROUNDS = 25
CALLS = 9_000  # of ours per round and row; the peer makes a tenth
FRAMES = 16_384  # in a batch: a few seconds of a truck's bus
ORIGINS = {"EEC1": 0x00, "VDC2": 0x0B, "EBC2": 0x0B}  # message: sender. 4, 5 and 5 signals
PER_CALL_AIM, BATCH_AIM, NUMPY_AIM = 30.0, 120.0, 1.0


def rows() -> list[dict]:
    """One row a peer: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}, times a frame."""
    import cantools

    from autonomy import config
    from autonomy.msg import dtype
    from drivers.can.codec import EXTENDED, Codec

    codec = Codec.from_dbc({0: config.directory() / "j1939.dbc"})
    peer = cantools.database.load_string(codec.databases[0].text, database_format="dbc")
    messages = {name: peer.get_message_by_name(name) for name in ORIGINS}
    # As on the bus for us; cantools knows the identifier of the DBC only
    stream = [(messages[name].frame_id & ~0xFF | sender | EXTENDED, messages[name].frame_id) for name, sender in ORIGINS.items()]
    generator = np.random.default_rng(0)
    frames = np.zeros(FRAMES, dtype("CanFrame"))
    frames["id"] = np.resize([identifier for identifier, _ in stream], FRAMES)
    frames["length"] = 8
    frames["time_ns"] = np.arange(FRAMES) * 1_500_000
    frames["data"] = generator.integers(0, 250, (FRAMES, 8))  # below the codes: every value is one
    calls = [(identifier, known, frames["data"][place].tobytes()) for place, (identifier, known) in enumerate(stream)]
    plan = [_numpy_plan(messages[name], identifier) for name, (identifier, _) in zip(ORIGINS, stream, strict=True)]

    def ours_per_call() -> float:
        return _per_call(codec.decode, [(identifier, data) for identifier, _, data in calls], CALLS)

    def cantools_per_call() -> float:
        return _per_call(peer.decode_message, [(known, data) for _, known, data in calls], CALLS // 10)

    times = _in_turns({
        "call": ours_per_call,
        "cantools": cantools_per_call,
        "batch": lambda: _timed(lambda: codec.decode_batch(frames), FRAMES),
        "numpy": lambda: _timed(lambda: [_numpy_decode(frames, item) for item in plan], FRAMES),
    })  # fmt: skip
    return [
        _row("CAN decode, one frame a call", times["call"], "cantools", cantools.__version__, times["cantools"], PER_CALL_AIM),
        _row("CAN decode, batch", times["batch"], "cantools", cantools.__version__, times["cantools"], BATCH_AIM),
        _row("CAN decode, batch", times["batch"], "NumPy by hand", np.__version__, times["numpy"], NUMPY_AIM),
    ]


def _numpy_plan(message, identifier: int) -> tuple:
    # Floats: whole factors of the DBC would stay unsigned integers in NumPy
    signals = [(item.start, (1 << item.length) - 1, _codes(item.length), float(item.scale), float(item.offset))
               for item in message.signals]  # fmt: skip
    return identifier, signals


def _codes(length: int) -> int:
    return 0xFE << length - 8 if length >= 8 else (1 << length) - 2


def _numpy_decode(frames: np.ndarray, plan: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What one would write by hand: the frames of one message, each signal a shift and a mask over the whole column."""
    identifier, signals = plan
    chosen = np.flatnonzero(frames["id"] == identifier)
    words = frames["data"][chosen].reshape(-1).view(np.uint64)
    values, validity = np.empty((len(signals), len(words))), np.zeros((len(signals), len(words)), np.uint8)
    for place, (start, mask, code, scale, offset) in enumerate(signals):
        raw = (words >> np.uint64(start)) & np.uint64(mask)
        coded = raw >= code
        values[place] = np.where(coded, np.nan, raw * scale + offset)
        validity[place] = coded
    return frames["time_ns"][chosen], values, validity


def _per_call(function: Callable, arguments: list[tuple], count: int) -> float:
    """Time of one call, a third of the loop's own step included; the arguments in turn."""
    first, second, third = arguments
    repeats = count // 3
    start = time.perf_counter_ns()
    for _ in range(repeats):
        function(*first), function(*second), function(*third)
    return (time.perf_counter_ns() - start) / (repeats * 3)


def _timed(function: Callable, count: int) -> float:
    start = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - start) / count


def _in_turns(measurements: dict[str, Callable[[], float]]) -> dict[str, float]:
    best = dict.fromkeys(measurements, float("inf"))
    for _ in range(ROUNDS):
        for name, measure in measurements.items():
            best[name] = min(best[name], measure())
    return best


def _row(kernel: str, ours_ns: float, peer: str, version: str, peer_ns: float, aim: float) -> dict:
    ratio = peer_ns / ours_ns
    return {
        "kernel": kernel, "ours_ns": round(ours_ns, 2), "peer": peer, "peer_version": version, "peer_ns": round(peer_ns, 2),
        "ratio": round(ratio, 2), "aim": f">= {aim:g}x", "met": ratio >= aim,
    }  # fmt: skip
