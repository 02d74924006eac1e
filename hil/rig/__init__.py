"""Plant and sensors as a process of their own on the truck's buses, against a running `autonomy run`."""

DEFAULT_SCENARIO = "queue"  # its plant takes torques and brakes, which are on the bus; an acceleration is not
