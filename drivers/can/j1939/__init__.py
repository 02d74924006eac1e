"""SAE J1939 above the single frame: identifiers, transport protocol, address claims, trouble codes. Pure, without I/O."""
