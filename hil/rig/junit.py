"""The verdict of a rig's run as JUnit XML: one case for each thing it was judged by."""

from __future__ import annotations

from typing import Any

from autonomy.report.junit import Case, write_cases
from autonomy.report.verdict import ERROR, FAIL, PASS

__all__ = ["cases", "write"]

OUTCOMES = {"pass": PASS, "fail": FAIL, "inconclusive": ERROR, "error": ERROR}  # JUnit has no word for "says nothing"


def write(path: str, action: str, found: dict[str, Any]) -> None:
    """Raises EnvironmentFault."""
    properties = {name: found[name] for name in ("verdict", "exit_code", "seconds") if found.get(name) is not None}
    properties |= {f"records_{name}": number for name, number in found["counts"].items()}
    properties |= {f"lateness_us_{name}": value for name, value in (found.get("lateness_us") or {}).items() if value is not None}
    write_cases(path, f"autonomy hil {action}", cases(action, found), properties)


def cases(action: str, found: dict[str, Any]) -> list[Case]:
    """A target is a case, and the verdict is one."""
    items = []
    for item in found.get("targets", []):
        failed = ", ".join(f"{count} {reason}" for reason, count in item["failed"].items())
        told = failed or f"{item['sent']} sent"
        items.append(Case(f"hil.{action}", item["target"], FAIL if failed else PASS, told))
    told = "; ".join(found["reasons"]) or "every record accounted for, in time"
    return [*items, Case(f"hil.{action}", "verdict", OUTCOMES[found["verdict"]], told, found.get("seconds", 0.0))]
