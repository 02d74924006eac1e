import numpy as np

def parse(
    data: np.ndarray, start_ns: int, records: np.ndarray, bodies: np.ndarray, others: np.ndarray, odd: np.ndarray
) -> tuple[int, int, int, bool]: ...
