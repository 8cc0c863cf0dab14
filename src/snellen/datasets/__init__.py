"""Sets of pictures, their labels, their division into training and held-out sources, crops."""

from snellen.datasets.labels import Column, LabelledPictures, open_labelled
from snellen.datasets.opening import open_pictures
from snellen.datasets.pictures import Pictures, Skipped, summarise_skipped
from snellen.datasets.splits import Split, cross_fit, split

__all__ = [
    "Column",
    "LabelledPictures",
    "Pictures",
    "Skipped",
    "Split",
    "cross_fit",
    "open_labelled",
    "open_pictures",
    "split",
    "summarise_skipped",
]
