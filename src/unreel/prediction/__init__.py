"""From a few labels to a name for every video: classifiers, how right they are, what they predict, what to label."""

import warnings

# Few labels of many classes are what this is for; scikit-learn takes them for numbers.
warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%", category=UserWarning)
