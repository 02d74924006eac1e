"""What a recorded drive says about the vehicle and its sensors: values, how sure they are, and plots to judge them by."""
