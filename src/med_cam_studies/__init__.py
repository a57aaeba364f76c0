"""The paper's studies: data sets, training, other methods, evaluation and its report."""
