"""Named protocols that evaluate an encoder, and the results they give."""
