"""Worlds of ours: the motorway with scripted traffic, the motorway with SUMO's."""
