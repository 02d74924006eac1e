"""Two runs beside each other: what they were made of, every field, every figure, picture by picture."""
