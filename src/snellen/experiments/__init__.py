"""The poster's experiments: plan, run, measure, report."""
