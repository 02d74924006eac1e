"""NMEA 0183 of GNSS receivers: sentences of a line into fixes, one an epoch.

Source: the fields of GGA, RMC, VTG and GST as makers print them (u-blox UBX-13003221 chapter 31; NMEA 0183 itself is sold).
NmeaState is plain memory without pointers, all zeros at start.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from autonomy.msg.messages cimport GnssSample

from drivers.gnss._port cimport PortCounts, PortRow

cdef enum:
    NMEA_LONGEST = 160          # characters of a sentence; the standard says 82, receivers with more digits go beyond
    NMEA_FIELDS = 32

    SENTENCE_GGA = 1
    SENTENCE_RMC = 2
    SENTENCE_VTG = 4
    SENTENCE_GST = 8

# What the sentences of one epoch said
cdef struct NmeaEpoch:
    GnssSample fix
    int64_t ns_of_day           # UTC; NO_TIME when none was told
    uint32_t present            # bit mask of SENTENCE_*
    uint32_t no_fix             # one of them said there is none

cdef struct NmeaState:
    PortCounts counts
    NmeaEpoch epoch
    NmeaEpoch done              # waits to be taken by nmea_next
    uint16_t first[NMEA_FIELDS]     # of each field in the line; fields end one before the next begins
    uint8_t line[NMEA_LONGEST]
    uint32_t field_count
    uint32_t length
    uint32_t in_sentence
    uint32_t is_done

cdef uint32_t nmea_push(NmeaState *state, const PortRow *port, const uint8_t *data, uint32_t length,
                        int64_t time_ns) noexcept nogil
cdef int nmea_next(NmeaState *state, const PortRow *port, void *sample) noexcept nogil
