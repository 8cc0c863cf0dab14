"""What is measured, beside the tests: each prints its figures and keeps them in docs/results/."""
