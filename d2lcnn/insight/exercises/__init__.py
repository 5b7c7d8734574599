"""Self-checks of the chapters' exercises: one file for each chapter, on top of `answers`."""

from d2lcnn.insight.exercises.alexnet import (
    check_alexnet_dense_as_conv,
    check_alexnet_fold_dropout,
    check_alexnet_grouped,
    check_alexnet_lrn,
    check_alexnet_momentum,
    check_alexnet_sides,
    check_alexnet_ten_crops,
)
from d2lcnn.insight.exercises.answers import WrongAnswer
from d2lcnn.insight.exercises.internal_covariate_shift import (
    check_ics_backward,
    check_ics_counts,
    check_ics_fold_before,
    check_ics_forward,
    check_ics_ghost,
    check_ics_running_update,
)
from d2lcnn.insight.exercises.normalization import (
    check_norms_adam,
    check_norms_axes,
    check_norms_counts,
    check_norms_equilibrium,
    check_norms_gradient,
    check_norms_masked,
    check_norms_rms,
)

__all__ = [
    "WrongAnswer",
    "check_alexnet_dense_as_conv",
    "check_alexnet_fold_dropout",
    "check_alexnet_grouped",
    "check_alexnet_lrn",
    "check_alexnet_momentum",
    "check_alexnet_sides",
    "check_alexnet_ten_crops",
    "check_ics_backward",
    "check_ics_counts",
    "check_ics_fold_before",
    "check_ics_forward",
    "check_ics_ghost",
    "check_ics_running_update",
    "check_norms_adam",
    "check_norms_axes",
    "check_norms_counts",
    "check_norms_equilibrium",
    "check_norms_gradient",
    "check_norms_masked",
    "check_norms_rms",
]
