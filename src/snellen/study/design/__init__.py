"""Who judges which picture, and in which order the models stand: a function of study.yaml.

Three designs. ``nested``: each picture is judged once, everyone has other ones (the poster's: 20
people × 50 pictures). ``crossed``: everyone judges the same pictures. ``balanced-incomplete``: each
picture is judged by some people, equally many as far as numbers allow, nobody sees one twice, and
any two people share about equally many pictures.

The counts of pictures and of the orders of the models differ by at most one over the study, for
each person and for each picture. Where that leaves a choice, with four models or more, each model
also stands about equally often in each place, for each person and over the study.

A study goes on with the plan with which it began: nothing here may change what a configuration
gives (a test holds a digest), so random choices come from raw words of a bit generator, which NumPy
promises to keep.

`misfits` says which numbers fit; `plan` puts together `dealing` (who judges which pictures),
`orders` (of the models, by `colouring`) and `session` (the trials of one person); `draws` are the
random choices.
"""

from snellen.study.design.misfits import fits, misfit
from snellen.study.design.plan import Plan, make_plan, plan_pictures
from snellen.study.design.session import ORIGINAL_SHOWN, Trial, TrialKind

__all__ = [
    "ORIGINAL_SHOWN",
    "Plan",
    "Trial",
    "TrialKind",
    "fits",
    "make_plan",
    "misfit",
    "plan_pictures",
]
