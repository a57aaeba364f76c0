"""The data sets of the paper's studies, each read as its owner ships it; one file a data set."""
