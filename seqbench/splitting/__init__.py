"""Splits that do not leak: stratified, by cluster, by a group such as the chromosome, in folds."""
