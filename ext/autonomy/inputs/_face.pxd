# What the Python faces of the steps share: the address of a message held by NumPy.
cdef inline void* pointer(array) except NULL:
    """Address of a 0-d structured array; the caller keeps it alive."""
    return <void*><size_t>array.__array_interface__["data"][0]
