"""The parts of `python -m benchmarks.compare_metrics`: ours beside its peers, in turn."""
