"""Self-checks of the chapters' exercises: one file for each chapter, on top of `answers`."""

from d2lcnn.insight.exercises.answers import WrongAnswer
from d2lcnn.insight.exercises.choosing import (
    check_choosing_batch_of_one,
    check_choosing_noise,
    check_choosing_pooled,
    check_choosing_stream,
    check_choosing_transfer,
    check_choosing_two_values,
)
from d2lcnn.insight.exercises.densenet import (
    check_densenet_bottleneck,
    check_densenet_channels,
    check_densenet_forward,
    check_densenet_kept,
    check_densenet_weights,
)
from d2lcnn.insight.exercises.googlenet import (
    check_googlenet_channels,
    check_googlenet_cost,
    check_googlenet_factors,
    check_googlenet_merge,
    check_googlenet_smoothing,
)
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
from d2lcnn.insight.exercises.resnet import (
    check_resnet_branch_scale,
    check_resnet_cifar_parameters,
    check_resnet_convert,
    check_resnet_depth,
    check_resnet_paths,
)
from d2lcnn.insight.exercises.vanishing_gradients import (
    check_vanishing_bound,
    check_vanishing_branch,
    check_vanishing_chain,
    check_vanishing_clip,
    check_vanishing_fans,
    check_vanishing_gain,
    check_vanishing_leaky,
)

__all__ = [
    "WrongAnswer",
    "check_choosing_batch_of_one",
    "check_choosing_noise",
    "check_choosing_pooled",
    "check_choosing_stream",
    "check_choosing_transfer",
    "check_choosing_two_values",
    "check_densenet_bottleneck",
    "check_densenet_channels",
    "check_densenet_forward",
    "check_densenet_kept",
    "check_densenet_weights",
    "check_googlenet_channels",
    "check_googlenet_cost",
    "check_googlenet_factors",
    "check_googlenet_merge",
    "check_googlenet_smoothing",
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
    "check_resnet_branch_scale",
    "check_resnet_cifar_parameters",
    "check_resnet_convert",
    "check_resnet_depth",
    "check_resnet_paths",
    "check_vanishing_bound",
    "check_vanishing_branch",
    "check_vanishing_chain",
    "check_vanishing_clip",
    "check_vanishing_fans",
    "check_vanishing_gain",
    "check_vanishing_leaky",
]
