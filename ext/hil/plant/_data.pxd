# What the plant is made of: its parameters, its memory, what it is told and what it shows. Plain memory, SI units.
# Arrays over axles: the tractor's from the front, then the semitrailer's. Arrays of two: tractor, semitrailer.
from libc.stdint cimport int64_t, uint8_t

cdef enum:
    AXLES = 8
    GEARS = 16
    CURVE = 8                      # points of the engine's torque curve
    RING = 1024                    # commands remembered, one an inner step

# The integrated state
cdef enum:
    X = 0                          # tractor's centre of gravity, along the road's surface
    Y
    YAW
    U                              # its velocity, tractor frame
    V
    R                              # yaw rates of tractor and semitrailer
    S
    ARTICULATION
    ROLL                           # tractor, semitrailer: against the road
    TRAILER_ROLL
    ROLL_RATE
    TRAILER_ROLL_RATE
    SURGE                          # longitudinal specific force as far as the loads have followed it
    CAB_PITCH
    CAB_PITCH_RATE
    CAB_ROLL
    CAB_ROLL_RATE
    HEIGHT                         # of the road under the reference point
    SLIP                           # lateral slip of each axle, relaxed
    STATES = 26                    # SLIP + AXLES

cdef struct PlantParameters:
    double inner_step_s
    double[2] mass                 # kg
    double[2] yaw_inertia          # kg m2, about each unit's centre of gravity
    double[2] roll_inertia         # kg m2, of the sprung mass about its own centre
    double[2] sprung_mass
    double[2] sprung_height        # m, of the sprung mass's centre above the roll axis
    double[2] cg_height            # m, of the unit above ground
    double hitch                   # m, fifth wheel behind the tractor's centre of gravity
    double hitch_height
    double hitch_roll_stiffness    # N m/rad
    double hitch_roll_damping
    double trailer_cg              # m, behind the kingpin
    double reference               # m, drive-axle group's centre from the tractor's centre of gravity, forward
    double trailer_group           # m, trailer's axle group behind the kingpin
    double[8] axle_x               # m, forward: from the tractor's centre of gravity, from the kingpin
    double[8] axle_load            # N, at rest on level road
    double[8] track                # m, between the wheels' load centres
    double[8] roll_stiffness       # N m/rad at the axle, tyres included
    double[8] roll_damping
    double[8] cornering_stiffness  # N/rad of the axle at its nominal load
    double[8] nominal_load         # N
    double[8] load_sensitivity     # share: C(z) = C0 ((1 + k) z - k z2), z = load / nominal
    double[8] relaxation           # m
    double[8] slip_shift           # rad of slip per rad of roll: roll steer
    double[8] brake_share
    uint8_t[8] steered
    uint8_t[8] driven
    int64_t tractor_axles
    int64_t axles
    int64_t linear                 # 1: F = C alpha at the loads at rest, no relaxation, no roll
    double rolling_resistance
    double slip_stiffness          # longitudinal force per load and slip
    double grip_lateral            # share of the friction that is the sideways peak
    double peak_reach              # slip of the peak over that of a straight line to it
    double grip_longitudinal       # share of the friction that is the peak along the wheel; ABS and ASR stay at it
    double grip_sliding            # share of the friction that a locked wheel has left, against its way
    double surge_lag_s
    double pitch_per_acceleration  # rad per m/s2
    double wheel_inertia           # kg m2, all wheels
    double wheel_radius
    # Air
    double drag_area               # Cd A
    double[2] side_area            # Cy A
    double[2] side_height          # m
    double[2] side_x               # m, from the tractor's centre of gravity, from the kingpin, forward
    # Steering actuator
    double steering_delay_s
    double steering_lag_s
    double steering_rate           # rad/s
    double steering_limit          # rad
    double steering_play           # rad, whole width
    double steering_offset
    # Engine and gearbox
    double[8] curve_speed          # rad/s
    double[8] curve_torque         # N m
    double engine_inertia
    double engine_idle             # rad/s
    double engine_lag_s
    double turbo_rate              # N m/s beyond what it gives without charge
    double turbo_free_torque       # N m
    double drag_torque             # N m at no speed and its growth
    double drag_torque_per_speed
    double engine_brake_torque     # N m at the curve's last speed, proportional to speed below
    double engine_brake_lag_s
    double engine_brake_steps
    double indicated_efficiency    # of the cylinders at its best ...
    double economic_speed          # rad/s, ... which is here
    double efficiency_per_speed    # share lost with the square of the distance, s2/rad2
    double efficiency_per_load     # share lost at full load, with the square
    double fuel_heat               # J/kg
    double[16] ratio
    int64_t gears
    int64_t start_gear
    double final_drive
    double efficiency
    double shift_up                # rad/s
    double shift_down
    double shift_target
    double economy_speed           # rad/s that the next gear shall keep for an early shift up; 0 = never early
    double economy_reserve
    double shift_up_limit          # the engine is not kept beyond it, whatever is asked of it
    double shift_demand_s          # an engine that gives all it has for so long is given a lower gear
    double shift_time_s
    double shift_pause_s
    # Retarder on the propeller shaft
    double retarder_torque         # N m
    double retarder_power          # W
    double retarder_speed          # rad/s of the shaft from which it has its whole torque
    double retarder_lag_s
    double retarder_heat_capacity  # J/K
    double retarder_cooling        # W/K
    double retarder_fade_from      # degrees C
    double retarder_fade_to
    double retarder_fade_share     # of the torque that is left there
    # Air brakes
    double[2] brake_delay_s
    double[2] brake_lag_s
    double[2] brake_release_lag_s
    int64_t[2] antilock            # 0: no ABS, or it has failed
    double brake_maximum           # m/s2 of the combination
    double brake_heat_capacity     # J/K an axle
    double brake_cooling           # W/K an axle at rest and its growth with speed
    double brake_cooling_per_speed
    double brake_fade_from         # degrees C
    double brake_fade_per_kelvin
    double ambient                 # degrees C
    # Cab on its springs
    double cab_pitch_frequency     # rad/s
    double cab_roll_frequency
    double cab_damping
    double cab_pitch_per_acceleration   # rad per m/s2
    double cab_roll_per_acceleration

cdef struct PlantCommand:
    double road_wheel_angle        # rad
    double engine_torque           # N m at the crank; negative asks for the engine brake
    double retarder_torque         # N m at the propeller shaft, <= 0
    double brake_deceleration      # m/s2, >= 0
    double held_speed              # m/s: the drive axle is given whatever force holds it; NaN = none
    int64_t roll                   # 1 = out of gear

cdef struct Surroundings:
    double grade                   # rad, positive uphill
    double bank                    # rad, positive with the left side higher
    double friction
    double wind_x                  # m/s, world frame, where the air moves to
    double wind_y

cdef struct PlantMemory:
    double[26] state
    int64_t time_ns
    int64_t owed_ns                # asked for, not yet stepped: less than an inner step
    double[1024] steering_ring
    double[1024] brake_ring
    int64_t newest
    double actuator_angle          # before play and offset
    double road_wheel_angle
    double road_wheel_rate
    double engine_torque
    double engine_brake
    double engine_speed
    double shift_left_s
    double shift_pause_s
    int64_t rolls                  # out of gear, as commanded
    double fuel                    # kg since the reset
    double fuel_rate               # kg/s
    double short_s                 # for how long it has been asked for more than the gear gives
    double short_shaft             # rad/s of the propeller shaft when that began
    int64_t gear
    int64_t next_gear
    double retarder
    double retarder_temperature
    double[8] brake                # N an axle, cold
    double[8] brake_temperature
    double[8] wheel_slip           # share of the rolling speed lost by brakes beyond the peak: 0 rolls, 1 locked
    double[8] load                 # N, as of the last inner step
    double moving_off              # 1 forwards, -1 backwards, out of brakes that have held it until now; 0 = rolls

# What acts while one inner step is integrated
cdef struct Acting:
    double angle                   # road wheels at its beginning, and their rate
    double angle_rate
    double drive_force             # N, all driven axles together
    double[8] brake_force          # N, what each axle's brakes ask for
    double[8] braking              # N, what of it the road gives
    double[8] wheel_slip
    double[8] sliding_grip         # share of the load, where a wheel slips beyond the peak
    double rotating_mass           # kg, what turns, as seen along the road
    double held_speed
    double moving_off
    Surroundings road

# What the equations give beside the derivatives
cdef struct Found:
    double[2] longitudinal         # specific force at each unit's centre of gravity, its own frame
    double[2] lateral
    double[8] load                 # N
    double[8] lateral_force        # N, wheel frame
    double[8] longitudinal_force
    double[2] load_transfer        # share, 1 = one side carries all
    double power                   # W, of every force on the moving units
    double drive_force

cdef struct PlantState:
    int64_t time_ns
    double x                       # reference point: ground under the drive-axle group's centre
    double y
    double z
    double yaw
    double roll
    double pitch                   # positive nose down, grade included
    double speed
    double vy
    double yaw_rate
    double ax                      # m/s2, of the reference point, gravity taken off
    double ay
    double articulation            # rad, trailer yaw minus tractor yaw
    double articulation_rate
    double trailer_yaw_rate
    double trailer_ay              # of the trailer's centre of gravity
    double trailer_roll
    double roll_rate
    double road_wheel_angle
    double engine_speed_radps
    double engine_torque_nm
    double engine_torque_maximum_nm
    double fuel_kg                 # since the reset
    double fuel_rate               # kg/s
    double shaft_speed             # rad/s, propeller shaft
    double retarder_torque_nm
    double retarder_torque_maximum_nm   # what it could give now, positive
    double retarder_temperature    # degrees C
    double[8] brake_temperature
    double brake_deceleration_mps2
    double[8] axle_load
    double[8] wheel_slip           # share of the rolling speed lost to the brakes, 1 = locked
    double ltr                     # load transfer ratio: tractor's drive axles, trailer
    double trailer_ltr
    double cab_pitch               # against the frame
    double cab_pitch_rate
    double cab_roll
    double cab_roll_rate
    double gear_ratio
    double mass
    int64_t gear                   # 0 = none engaged
    int64_t shift_in_progress
    int64_t driveline_engaged
    int64_t rolled_over
