"""What a drive has measured of its trailer, as a row for the configuration of the next one."""

from __future__ import annotations


def row(truck) -> dict[str, float] | None:
    """A row of [truck] stored_trailer from a TruckState; None where the wheelbase was not measured, so there is nothing to keep.

    The sigmas are those of the drive: a row that was itself restored is not worth more by being stored again.
    """
    if not truck["trailer_wheelbase_known"] or truck["trailer_restored"]:
        return None
    return {"wheelbase_m": float(truck["trailer_wheelbase_m"]), "wheelbase_sigma_m": float(truck["trailer_wheelbase_sigma_m"]),
            "tyre_factor": float(truck["trailer_tyre_factor"]),
            "tyre_factor_sigma": float(truck["trailer_tyre_factor_sigma"])}  # fmt: skip
