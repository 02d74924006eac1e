# Physical constants, stated once. Twin: autonomy/physics.py.
cdef extern from *:
    """
    #define STANDARD_GRAVITY_MPS2 9.80665   /* CGPM 1901 [V] */
    #define AIR_DENSITY_KGPM3 1.2           /* 20 degrees C at sea level [M] */
    """
    const double STANDARD_GRAVITY_MPS2, AIR_DENSITY_KGPM3
