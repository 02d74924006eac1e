"""Recordings of the NMFTA's logger."""


def nmfta(count: int) -> bytes:
    """So many pages of 21 frames, a second apart."""
    pages = b""
    for page in range(count):
        body = b"".join(
            (1_500_000_000 + page).to_bytes(4, "little") + bytes(4) + (number | 8 << 24).to_bytes(4, "little")
            + (0x18FEF100).to_bytes(4, "little") + bytes([number] * 8) for number in range(21)
        )  # fmt: skip
        pages += (21).to_bytes(2, "little") + b"\0\0" + body + bytes(4)
    return pages
