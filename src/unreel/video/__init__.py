"""From a folder of videos to batches of clips: collections, decoding, sampling, loading."""
