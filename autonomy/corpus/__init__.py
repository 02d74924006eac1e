"""Many logs in one run: which ones, in worker processes, against a reference, with one summary."""
