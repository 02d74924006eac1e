import numpy as np

NAME_DTYPE: list[tuple]

def parse(
    data: np.ndarray,
    start: int,
    names: np.ndarray,
    records: np.ndarray,
    bodies: np.ndarray,
    count: int,
    used: int,
    odd: np.ndarray,
) -> tuple[int, int, int, bytes | None]: ...
