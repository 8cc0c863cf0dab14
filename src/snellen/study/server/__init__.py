"""Serving a study to participants and to its owner: HTTP in front of `snellen.study.store`."""
