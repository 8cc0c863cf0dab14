"""What a study's rankings say: pure functions from `Ratings` to frozen dataclasses.

Every result has `as_dict()` for results.json. What cannot be said is None with a reason in
`missing`, never NaN. Main trials alone are read but where repeats are the matter.
"""
