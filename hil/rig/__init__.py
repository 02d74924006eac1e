"""Plant and sensors as a process of their own on the truck's buses, against a running `autonomy run`."""

DEFAULT_SCENARIO = "motorway"
