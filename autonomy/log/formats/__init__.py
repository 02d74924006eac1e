"""Formats of others, one file each; autonomy/log/opening.py chooses among them by what a file begins with."""
