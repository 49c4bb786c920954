"""From a few labels to a name for every video: classifiers, how right they are, what they predict, what to label."""
