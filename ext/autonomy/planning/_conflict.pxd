# What would be hit, how hard the truck must brake not to, and what follows from it.
from libc.math cimport NAN, isfinite
from libc.stdint cimport uint8_t, uint32_t
from autonomy.msg.messages cimport PlanParameters, Track, TrackList, VehicleParameters
from autonomy.planning._gap cimport believed_acceleration
from autonomy.linalg._scalar cimport clipped

cdef enum:
    COMFORT = 0
    FIRM = 1
    FULL = 2

ctypedef struct Conflict:
    double required              # m/s2, positive, with what is believed of the track; 0 = none
    double after_ramp            # m/s2, positive, the one it takes when braking builds up gently
    double entry_time_s
    uint32_t track_id
    uint8_t proven               # it counts for full braking


cdef inline double required_deceleration(const PlanParameters* parameters, double reaction_s, double gap, double speed,
                                         double acceleration, double other_speed,
                                         double other_acceleration) noexcept nogil:
    """m/s2, positive: the constant deceleration, acting after the reaction time, that leaves the margin to the other.

    Until then both go on as they do. The other keeps a deceleration until it stands. Without room the answer is large.
    """
    cdef double t = reaction_s, other_braking = 0.0, room, stop, closing, relative, braking, stand = 0.0
    cdef double own = speed
    cdef double margin = parameters.standing_margin_m + parameters.reaction_s * speed
    if margin > parameters.collision_margin_m:
        margin = parameters.collision_margin_m
    if acceleration < 0.0:
        stand = -own / acceleration
        stand = stand if stand < t else t
        gap -= own * stand + 0.5 * acceleration * stand * stand
        own += acceleration * stand
    else:
        gap -= own * t
    if other_acceleration < 0.0 and other_speed > 0.0:
        other_braking = -other_acceleration
        stand = other_speed / other_braking
        stand = stand if stand < t else t
        gap += other_speed * stand - 0.5 * other_braking * stand * stand
        other_speed -= other_braking * stand
    else:
        gap += other_speed * t
    room = gap - margin
    closing = own - other_speed
    if own <= 0.0 or (closing <= 0.0 and other_braking == 0.0):
        return 0.0
    if other_braking > 0.0:
        stop = other_speed * other_speed / (2.0 * other_braking)
        braking = own * own / (2.0 * (room + stop)) if room + stop > 0.1 else 100.0
        # Met before the other stands: the difference must be gone within the room, not the whole speed
        if closing > 0.0 and room <= 0.0:
            return 100.0
        if closing > 0.0:
            relative = closing * closing / (2.0 * room)
            if closing * other_braking < relative * other_speed and other_braking + relative > braking:
                braking = other_braking + relative
        return braking
    return closing * closing / (2.0 * room) if room > 0.1 else 100.0


cdef inline bint passed_before(const PlanParameters* parameters, const VehicleParameters* vehicle, const Track* track,
                               double gap, double speed) noexcept nogil:
    """Its lane change ends behind the truck (the gate of UN R157 Annex 3, performance model 2)."""
    cdef double length = parameters.entry_object_length_m + vehicle.front_overhang_m + vehicle.rear_overhang_m
    return track.entry_time_s > 0.0 and speed > track.velocity_x \
        and gap + length < track.entry_time_s * (speed - track.velocity_x)


cdef inline double falling_back(const PlanParameters* parameters, double gap, double closing, double entry_time) noexcept nogil:
    """m/s2, positive, to be behind what is beside the front now when it comes over."""
    cdef double t = entry_time - parameters.reaction_s
    cdef double needed = closing * entry_time - gap + parameters.collision_margin_m
    if needed <= 0.0:
        return 0.0
    return 2.0 * needed / (t * t) if t > 0.1 else 100.0


cdef inline Conflict worst_conflict(const PlanParameters* parameters, const VehicleParameters* vehicle,
                                    const TrackList* tracks, double speed, double acceleration,
                                    double unproven_existence) noexcept nogil:
    """Over all tracks in the path of the truck or on their way into it."""
    cdef Conflict worst
    cdef const Track* track
    cdef double gap, required, after_ramp, braking, wait
    cdef uint32_t i
    cdef bint proven
    worst.required = worst.after_ramp = 0.0
    worst.entry_time_s = NAN
    worst.track_id = 0
    worst.proven = 0
    for i in range(tracks.count):
        track = &tracks.tracks[i]
        if not isfinite(track.entry_time_s):
            continue
        gap = track.x - vehicle.front_overhang_m
        if passed_before(parameters, vehicle, track, gap, speed):
            continue
        if gap < 0.0 and track.entry_time_s > 0.0:
            required = falling_back(parameters, gap, speed - track.velocity_x, track.entry_time_s)
            if required > parameters.emergency_deceleration:
                continue   # too late to get behind it: braking would not help
            after_ramp = parameters.ramp_hurried
        else:
            braking = believed_acceleration(parameters, track.acceleration_x)
            braking = braking if braking < 0.0 else 0.0
            required = required_deceleration(parameters, parameters.reaction_s, gap, speed, acceleration, track.velocity_x,
                                             braking)
            after_ramp = required
            if required > worst.required:
                # For speed and way a ramp is as good as a step in its middle
                wait = 0.5 * (required + (acceleration if acceleration < 0.0 else 0.0)) / parameters.ramp_jerk
                after_ramp = required_deceleration(parameters, parameters.reaction_s + (wait if wait > 0.0 else 0.0), gap, speed,
                                                   acceleration, track.velocity_x, braking)
        proven = track.existence > unproven_existence
        if not proven and required > parameters.unproven_deceleration:
            required = parameters.unproven_deceleration
            after_ramp = required
        if required > worst.required:
            worst.required = required
            worst.after_ramp = after_ramp
            worst.entry_time_s = track.entry_time_s
            worst.track_id = track.track_id
            worst.proven = proven
    return worst


cdef inline uint8_t urgency(const PlanParameters* parameters, const Conflict* conflict, double share,
                            uint8_t last) noexcept nogil:
    """How hard the braking may be; what began ends only well below where it began. `share` of the thresholds: brakes that
    give less begin sooner."""
    cdef double firm = share * parameters.firm_deceleration
    if conflict.proven and conflict.required >= (firm if last == FULL else share * parameters.full_deceleration):
        return FULL
    if conflict.required >= (0.6 * firm if last != COMFORT else firm):
        return FIRM
    return COMFORT


cdef inline double firm_deceleration(const PlanParameters* parameters, double required) noexcept nogil:
    """m/s2, positive, demanded of firm braking: a reserve, but no hard brake for the reserve's sake."""
    cdef double reserve = parameters.emergency_reserve * required
    cdef double more = required - parameters.firm_limit
    if required + reserve > parameters.firm_limit:
        # From the limit on it comes back, in full 7 % beyond
        more = parameters.firm_limit - required if more < 0.0 else 1.5 * more
        if more < reserve:
            reserve = more
    return required + reserve


cdef inline double early_deceleration(const PlanParameters* parameters, double required, double share) noexcept nogil:
    """m/s2, positive, of braking that is still comfort: 0 while little is required, all that is from 1.4 times that on."""
    cdef double part = 2.5 * (required / (share * parameters.early_deceleration) - 1.0)
    return required * clipped(part, 0.0, 1.0)


cdef inline double ramp_jerk(const PlanParameters* parameters, double after_ramp) noexcept nogil:
    """m/s3, positive: as steep as is needed."""
    cdef double share = (after_ramp - parameters.ramp_unhurried) / (parameters.ramp_hurried - parameters.ramp_unhurried)
    share = clipped(share, 0.0, 1.0)
    return parameters.ramp_jerk + share * (parameters.ramp_jerk_steep - parameters.ramp_jerk)
