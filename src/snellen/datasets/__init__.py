"""Sets of pictures, their division into training and held-out sources, and crops of them."""

from snellen.datasets.opening import open_pictures
from snellen.datasets.pictures import Pictures, Skipped, summarise_skipped
from snellen.datasets.splits import Split, cross_fit, split

__all__ = [
    "Pictures",
    "Skipped",
    "Split",
    "cross_fit",
    "open_pictures",
    "split",
    "summarise_skipped",
]
