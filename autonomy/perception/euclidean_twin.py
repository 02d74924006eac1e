"""Exact Euclidean clusters by a k-d tree: the twin of ext/autonomy/perception/_euclidean.pyx."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree


def find(points: np.ndarray, radius_m: float) -> tuple[np.ndarray, int]:
    """(labels [n], number of clusters) of points [n, 3]; two within the radius belong together."""
    pairs = cKDTree(points).query_pairs(radius_m, output_type="ndarray")
    joined = coo_matrix((np.ones(len(pairs)), pairs.T), (len(points), len(points)))
    count, labels = connected_components(joined, directed=False)
    return labels, count
