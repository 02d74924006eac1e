"""The loop itself: a world's truth to the stack by way of the sensors, its actuation back, and what the drive is judged by."""
