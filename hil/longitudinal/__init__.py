"""Cases along a straight road, light enough for thousands of them: speed, gap and stop, the disturbance families of UN R157."""
