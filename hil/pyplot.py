"""matplotlib without a screen, where it is installed."""

from __future__ import annotations

from autonomy.errors import MissingPackage


def pyplot():
    """matplotlib.pyplot; raises MissingPackage without it."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise MissingPackage("drawing", "matplotlib", "plot", ", or leave out -o") from None
    return pyplot
