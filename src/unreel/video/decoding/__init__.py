"""Decoding: frames, times and colours of a video file."""
