"""Named protocols that judge an encoder, and the results they give."""
