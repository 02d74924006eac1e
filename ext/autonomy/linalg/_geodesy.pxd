# WGS 84: geodetic to Earth-centred coordinates and the axes of a local east-north-up frame.
from libc.math cimport cos, sin, sqrt

cdef extern from *:
    """
    #define WGS84_SEMI_MAJOR_M 6378137.0                /* NIMA TR8350.2 */
    #define WGS84_ECCENTRICITY_2 6.69437999014131699614e-3 /* f (2 - f), 1/f = 298.257223563 */
    #define EARTH_MEAN_RADIUS_M 6371008.8               /* IUGG mean radius */
    #define RADIAN_PER_DEGREE 0.017453292519943295
    """
    const double WGS84_SEMI_MAJOR_M
    const double WGS84_ECCENTRICITY_2
    const double EARTH_MEAN_RADIUS_M
    const double RADIAN_PER_DEGREE


cdef inline void earth_centred(double latitude_deg, double longitude_deg, double altitude_m, double* out) noexcept nogil:
    """Earth-centred, Earth-fixed coordinates in metres."""
    cdef double latitude = latitude_deg * RADIAN_PER_DEGREE
    cdef double longitude = longitude_deg * RADIAN_PER_DEGREE
    cdef double sine = sin(latitude)
    cdef double cosine = cos(latitude)
    cdef double normal = WGS84_SEMI_MAJOR_M / sqrt(1.0 - WGS84_ECCENTRICITY_2 * sine * sine)
    out[0] = (normal + altitude_m) * cosine * cos(longitude)
    out[1] = (normal + altitude_m) * cosine * sin(longitude)
    out[2] = (normal * (1.0 - WGS84_ECCENTRICITY_2) + altitude_m) * sine


cdef inline void local_axes(double latitude_deg, double longitude_deg, double* out) noexcept nogil:
    """3x3 matrix whose rows are east, north and up in Earth-centred axes."""
    cdef double sine_lat = sin(latitude_deg * RADIAN_PER_DEGREE)
    cdef double cosine_lat = cos(latitude_deg * RADIAN_PER_DEGREE)
    cdef double sine_lon = sin(longitude_deg * RADIAN_PER_DEGREE)
    cdef double cosine_lon = cos(longitude_deg * RADIAN_PER_DEGREE)
    out[0] = -sine_lon
    out[1] = cosine_lon
    out[2] = 0.0
    out[3] = -sine_lat * cosine_lon
    out[4] = -sine_lat * sine_lon
    out[5] = cosine_lat
    out[6] = cosine_lat * cosine_lon
    out[7] = cosine_lat * sine_lon
    out[8] = sine_lat
