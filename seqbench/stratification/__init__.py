"""Parts of a data set that resemble the whole: folds, a part held out, shares; groups kept together."""
