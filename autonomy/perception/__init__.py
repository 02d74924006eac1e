"""Scans of a lidar into ground, obstacles, lanes, free space and health. Kernels: ext/autonomy/perception."""
