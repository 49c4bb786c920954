"""Tables of embeddings: one row per video, readable by other tools."""
