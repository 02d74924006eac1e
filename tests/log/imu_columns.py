"""A mapping and a table of an IMU: units, axes, a scale, rows that are invalid, empty, no number, too early."""

IMU = """
[clock]
name = "logger"
unit = "ms"
offset_s = 0.5
[[stream]]
kind = "imu"
file = "imu.csv"
time = { column = "t" }
axes = ["forward", "right", "down"]
invalid = { column = "ok", equals = 0 }
source = 3
columns.acceleration_x = { column = "ax", unit = "g" }
columns.acceleration_y_mps2 = { column = "ay" }
columns.acceleration_z = { column = "az", scale = 2.0, offset = 1.0 }
columns.angular_rate_x = { column = "gx", unit = "deg/s" }
columns.angular_rate_y = { column = "gy", unit = "deg/s" }
columns.angular_rate_z_radps = { column = 6 }
"""
IMU_ROWS = """t,ax,ay,az,gx,gy,gz,ok
1000,0.5,1.0,-5.0,90,180,0.25,1
1010,0,0,0,0,0,0,0
1020,,0,0,0,0,0,1
x,0,0,0,0,0,0,1
990,0,0,-5,0,0,0,1
"""
