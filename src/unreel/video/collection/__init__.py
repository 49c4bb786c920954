"""Folders of videos: found, probed, prepared, listed in a manifest."""
