import numpy as np

from drivers.can._codec import CodecKernel

ROW_SIZES: dict[str, int]
LIMITS: dict[str, int]

class Router:
    route_names: tuple[str, ...]
    arrays: dict[str, np.ndarray]
    def __init__(self, codec: CodecKernel, arrays: dict[str, np.ndarray], route_names: list[str]) -> None: ...
    def route(self, frames: np.ndarray, inputs: np.ndarray) -> np.ndarray: ...
    def counts(self) -> dict[str, dict[str, int]]: ...
    def reset(self) -> None: ...
