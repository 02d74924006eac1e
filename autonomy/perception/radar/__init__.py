"""Detections of a radar into what the road users among them are: own motion by Doppler, ghosts, barriers, what stands ahead."""
