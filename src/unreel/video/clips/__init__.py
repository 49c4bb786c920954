"""Clips of prepared videos: which frames, read ahead, in batches."""
