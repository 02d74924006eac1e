import numpy as np

from drivers.serial.route_config import SerialConfig

ROW_SIZE: int
LIMIT: int
PROTOCOLS: dict[str, int]
SENTENCES: dict[str, int]

class SerialRouter:
    entries: np.ndarray
    entry_names: tuple[str, ...]
    config: SerialConfig
    _first: dict[str, int]
    def __new__(cls, entries: np.ndarray, entry_names: list[str]) -> SerialRouter: ...
    def route(self, entry: int, time_ns: int, data: bytes, inputs: np.ndarray) -> None: ...
    def samples(self, entry: int, time_ns: int, data: bytes) -> list[tuple[str, np.ndarray]]: ...
    def counts(self) -> dict[str, dict[str, int]]: ...
    def reset(self) -> None: ...
