"""The figures of the closed loop, one module a suite: `TITLE` and `rows(*, quick, jobs, output) -> list of dict`.

A row is {"figure": str, "value": float or None, "unit": str, "aim": str, "met": bool or None}; `met` None is a figure without
an aim. `output` is a folder for plots and tables, or None: draw nothing.
"""
