"""Fault timelines of one fault."""


def gnss_fault(kind: str, value: float, end_s: float | None = 5.0) -> str:
    """From 3 s on; `end_s` None = to the end."""
    end = "" if end_s is None else f"end_s = {end_s}\n"
    return f'schema = "autonomy.faults/1"\n[[fault]]\nsource = "gnss"\nkind = "{kind}"\nvalue = {value}\nstart_s = 3.0\n{end}'
