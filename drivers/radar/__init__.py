"""Radars on CAN and UDP: bytes into detections and objects and back, without I/O. `decoder` reads, `encoder` writes."""
