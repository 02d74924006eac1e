"""Steering actuators: no open J1939 command for a highway truck's steering exists, so each supplier's frames are a plugin.

A plugin is a module or class with the shape of `plugin.SteeringPlugin`, named by the entry-point group "autonomy.steering".
"""
