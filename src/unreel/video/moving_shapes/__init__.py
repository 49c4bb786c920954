"""Moving Shapes: videos rendered for tests and demos."""
