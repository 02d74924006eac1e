"""`Stack`: the parameters and the tick behind a small Python face.

stack = Stack.from_config("vehicles/demo_truck")
frame = stack.new_input()
out = stack.tick(frame)
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import msg
from autonomy._tick import TickCore
from autonomy.config import Config, load
from autonomy.errors import UsageError
from autonomy.parameters import load_parameters, parameters_sha256

_SNAPSHOT_HEADER = struct.Struct("<8sQ32s")
_SNAPSHOT_MAGIC = b"AUTOSNAP"


class Stack:
    """One truck's decision maker. Immutable after construction but for the state that ticks advance."""

    def __init__(self, parameters: np.ndarray, config: Config):
        self._parameters = np.array(parameters)
        self._parameters.flags.writeable = False
        self._config = config
        self._config_sha256 = config.sha256
        self._core = TickCore(self._parameters)
        self._hash = bytes.fromhex(parameters_sha256(self._parameters))

    @classmethod
    def from_config(cls, path: str | Path, overrides: dict[str, Any] | None = None) -> Stack:
        """Builds the stack a configuration describes; `overrides` is {"section.key": value}. Raises UsageError."""
        config = load(path, overrides)
        return cls(load_parameters(config), config)

    @property
    def parameters(self) -> np.ndarray:
        """Read-only 0-d array of dtype("Parameters")."""
        return self._parameters

    @property
    def config(self) -> Config:
        return self._config

    @property
    def config_sha256(self) -> str:
        """Of the configuration the parameters were made from."""
        return self._config_sha256

    @property
    def core(self) -> TickCore:
        return self._core

    def new_input(self) -> np.void:
        """A zeroed InputFrame."""
        return np.zeros(1, msg.dtype("InputFrame"))[0]

    def tick(self, frame: np.void, out: np.ndarray | np.void | None = None) -> np.void:
        """One tick. Returns a new OutputFrame, or `out` (of dtype OutputFrame) written in place."""
        if out is None:
            fresh = np.zeros(1, msg.dtype("OutputFrame"))
            self._core.tick(frame, fresh)
            return fresh[0]
        self._core.tick(frame, np.asarray(out))
        return out

    def reset(self) -> None:
        """As it was made: nothing learned, nothing heard."""
        self._core.reset()

    def snapshot(self) -> bytes:
        """The whole state; `restore` of it makes the same frames give the same outputs."""
        return _SNAPSHOT_HEADER.pack(_SNAPSHOT_MAGIC, msg.layout_hash(), self._hash) + self._core.state_bytes()

    def restore(self, blob: bytes) -> None:
        """Takes over a snapshot. Raises UsageError when it is of another message layout, state or parameter set."""
        if len(blob) < _SNAPSHOT_HEADER.size or blob[:8] != _SNAPSHOT_MAGIC:
            raise UsageError("restore: these bytes are no snapshot of a stack")
        _, layout, parameters = _SNAPSHOT_HEADER.unpack_from(blob)
        if layout != msg.layout_hash():
            raise UsageError("restore: the snapshot is of another message layout; take it again with this version")
        if parameters != self._hash:
            raise UsageError("restore: the snapshot was taken with other parameters; use the configuration it came from")
        state = blob[_SNAPSHOT_HEADER.size :]
        if len(state) != self._core.state_size:
            raise UsageError(f"restore: the snapshot holds {len(state)} bytes of state, this build {self._core.state_size}")
        self._core.set_state_bytes(state)
