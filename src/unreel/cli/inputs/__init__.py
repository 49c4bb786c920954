"""What verbs are given: words, folders, runs, names."""
