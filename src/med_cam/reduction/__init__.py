"""From scores to a smaller mask: bisection, delta debugging, counterexamples."""
