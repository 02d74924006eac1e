"""The words that choose frames, as --help and the errors tell them."""

FILTERS = "id:mask or id~mask as in candump, pgn=F004, sa=00, da=FF (hexadecimal), bus=0; commas join several numbers"
