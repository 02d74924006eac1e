"""Plant and sensors as a process of their own on the truck's buses, against a running `autonomy run`."""

DEFAULT_SCENARIO = "motorway"
PARTS_AGAIN = 2  # of a soak, that said nothing: more of them are no luck but a machine that is too busy
