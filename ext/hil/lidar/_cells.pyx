"""The road as cells for the ray caster: where each is on the road, and the plane that the road is there."""
import numpy as np
from libc.math cimport cos, sin
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


def fill_cells(double[::1] s, double[:, ::1] nodes, double x, double y, double size_m, int nx, int ny):
    """(nx, ny, 8) float32 of Window.cells: the road as a plane in each cell, the reference line as an arc.

    `nodes` (n, 7): x, y, heading, curvature, z, grade, bank at the evenly spaced `s`.
    """
    raw = np.zeros(nx * ny * 8 + 8, np.float32)
    skip = (-raw.__array_interface__["data"][0] // 4) % 8
    cells = raw[skip:skip + nx * ny * 8].reshape(nx, ny, 8)
    cdef float[:, :, ::1] out = cells
    cdef double[8] row
    cdef int i, j, k
    cdef double guess = s[0]
    with nogil:
        for i in range(nx):
            for j in range(ny):
                guess = project(s, nodes, x + (i + 0.5) * size_m, y + (j + 0.5) * size_m, guess, 12 if j == 0 else 2, row)
                for k in range(8):
                    out[i, j, k] = <float>row[k]
    return cells


cdef double project(const double[::1] s, const double[:, ::1] nodes, double x, double y, double guess, int rounds,
                    double* row) noexcept nogil:
    cdef double spacing = s[1] - s[0], share, dx, dy, c, h, along, d, at = guess, stretch = 1.0, slope
    cdef double[7] n
    cdef int i, k, r, last = s.shape[0] - 2
    for r in range(rounds + 1):
        i = <int>((at - s[0]) / spacing)
        i = 0 if i < 0 else (last if i > last else i)
        share = (at - s[i]) / spacing
        share = 0.0 if share < 0.0 else (1.0 if share > 1.0 else share)
        for k in range(7):
            n[k] = nodes[i, k] + share * (nodes[i + 1, k] - nodes[i, k])
        c, h = cos(n[2]), sin(n[2])
        dx, dy = x - n[0], y - n[1]
        along, d = dx * c + dy * h, dy * c - dx * h
        stretch = 1.0 - n[3] * d
        stretch = 1.0 / (stretch if stretch > 0.1 else 0.1)
        if r < rounds:
            at = s[i] + share * spacing + along * stretch
    row[0], row[1], row[2] = d, -h, c
    slope = (n[5] + d * (nodes[i + 1, 6] - nodes[i, 6]) / spacing) * stretch      # along the road at this offset
    row[3] = n[4] + n[6] * d + slope * along
    row[4] = slope * c - n[6] * h
    row[5] = slope * h + n[6] * c
    row[6] = s[i] + share * spacing + along * stretch
    row[7] = n[3] * stretch
    return at
