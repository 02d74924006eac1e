"""Fixed-size algebra and the optimiser of the tick. Kernels: ext/autonomy/linalg."""
