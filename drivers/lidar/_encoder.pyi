import numpy as np

def fill_blocks(
    layout: dict,
    range_m: np.ndarray,
    intensity: np.ndarray,
    range_offset_m: np.ndarray,
    ring: np.ndarray,
    packets: np.ndarray,
) -> None: ...
