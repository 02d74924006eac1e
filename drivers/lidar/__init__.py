"""Lidars on UDP: packets into points and back, without I/O. `decoder.Decoder` reads, `encoder.encode` writes."""
