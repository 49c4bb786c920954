"""The paper's tables and figures: which runs they need, running these, and ours beside the paper's numbers."""
