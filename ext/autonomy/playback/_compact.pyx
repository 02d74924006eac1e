"""Output frames without the tracks that are not there: what is hashed and kept of a run."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

from autonomy.msg.messages cimport LAYOUT_HASH, OutputFrame

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


def compact(outputs, Py_ssize_t count, bytearray into) -> None:
    """Appends `count` OutputFrames to `into`, each cut after its last track: the bytes that are hashed and spooled."""
    cdef Py_buffer view
    cdef const OutputFrame* frames
    cdef Py_ssize_t index, size, at, head = sizeof(OutputFrame) - sizeof(frames[0].tracks.tracks)
    PyObject_GetBuffer(outputs, &view, PyBUF_SIMPLE)
    try:
        frames = <const OutputFrame*> view.buf
        for index in range(count):
            size = head + frames[index].tracks.count * sizeof(frames[0].tracks.tracks[0])
            into += (<const char*> &frames[index])[:size]
    finally:
        PyBuffer_Release(&view)
