"""What runs the rest: devices and processes, progress, logs."""
