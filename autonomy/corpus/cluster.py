"""Runs cases as Ray tasks, on one machine or on a cluster that sees the same folders. Needs the extra [cluster]."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

from autonomy.corpus import processes
from autonomy.corpus.case import Case, Settings, failed
from autonomy.errors import INTERNAL, EnvironmentFault, MissingPackage

CONNECT_S = 10.0  # to wait for the cluster
AHEAD = 2  # tasks waiting for each worker, so that none stands idle


def run(cases: list[Case], settings: Settings, jobs: int, function: str = processes.FUNCTION) -> Iterator[dict[str, Any]]:
    """As `processes.run`; `jobs` bounds how many run at a time. Connects to the cluster of RAY_ADDRESS, or starts one here.

    Raises EnvironmentFault where Ray is not there or not reachable.
    """
    try:
        import ray
    except ImportError:
        raise MissingPackage("test: --engine ray", "Ray", "cluster") from None
    started = not ray.is_initialized()
    if started:
        try:
            address = os.environ.get("RAY_ADDRESS")
            _require_reachable(address)
            ray.init(address=address, **({} if address else {"num_cpus": jobs}), include_dashboard=False, log_to_driver=False)
        except (ConnectionError, RuntimeError, OSError) as error:
            raise EnvironmentFault(f"test: no Ray cluster: {' '.join(str(error).split())[:300]}") from None
    try:
        yield from _run(ray, cases, settings, jobs, function)
    finally:
        if started:
            ray.shutdown()


def _require_reachable(address: str | None) -> None:
    """Ray itself tries for five minutes: whether anybody listens there is found out in seconds. Raises EnvironmentFault."""
    host, separator, port = (address or "").rpartition("://")[2].rpartition(":")
    if not separator or not port.isdecimal():
        return  # none, `auto` or `local`: of this machine
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentFault(
            f"test: no Ray cluster at RAY_ADDRESS={address}: {error}; start one with 'ray start --head', or unset RAY_ADDRESS"
        ) from None


def _run(ray, cases: list[Case], settings: Settings, jobs: int, function: str) -> Iterator[dict[str, Any]]:
    # No second try: a log that kills its worker would kill another; a lost machine shows as an error to run again
    task = ray.remote(num_cpus=1, max_retries=0)(_one)
    shared = ray.put(settings)
    waiting = list(reversed(cases))
    running: dict[Any, Case] = {}
    while waiting or running:
        while waiting and len(running) < jobs * AHEAD:
            case = waiting.pop()
            running[task.remote(case, shared, function)] = case
        ready, _ = ray.wait(list(running), num_returns=1)
        for reference in ready:
            case = running.pop(reference)
            try:
                row = ray.get(reference)
            except ray.exceptions.RayError as error:
                row = failed(case, f"its worker was lost: {' '.join(str(error).split())[:200]}", INTERNAL)
            yield row


_runners: dict[tuple[str, str], processes.Runner] = {}  # of this Ray worker


def _one(case: Case, settings: Settings, function: str) -> dict[str, Any]:
    """Runs in a Ray worker, and there in a process that it keeps: a crash or a time-out must not take Ray's worker along."""
    key = (function, settings.output)
    if key not in _runners:
        _runners[key] = processes.Runner(settings, function)
    return _runners[key].run(case)
