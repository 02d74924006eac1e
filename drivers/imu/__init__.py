"""Codecs of inertial sensors on serial lines."""
