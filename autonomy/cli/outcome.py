"""How a run is told: all figures as one JSON object, or lines to read."""

from __future__ import annotations

import json
import sys
from typing import Any


def tell(metrics: dict[str, Any], as_json: bool) -> None:
    """On stdout. Raises ValueError for a NaN, which JSON does not have."""
    from autonomy.report.summary import replay_lines

    if as_json:
        json.dump(metrics, sys.stdout, allow_nan=False)
        print()
    else:
        print("\n".join(replay_lines(metrics)))
