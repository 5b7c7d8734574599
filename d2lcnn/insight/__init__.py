"""Looking inside: tables, figures, probes, initializers, published figures, and checks of exercises."""

from d2lcnn.insight.batch_size_runs import plot_batch_sizes, runs_by_batch_size
from d2lcnn.insight.block_removal import removable_blocks, without_block
from d2lcnn.insight.depth import network_depth
from d2lcnn.insight.exercises import *  # noqa: F403
from d2lcnn.insight.exercises import __all__ as _checks
from d2lcnn.insight.explore_depth import explore_depth
from d2lcnn.insight.explore_growth import explore_growth
from d2lcnn.insight.explore_norm_choice import explore_norm_choice
from d2lcnn.insight.explore_norms import explore_norms, statistics_set
from d2lcnn.insight.explore_paths import explore_paths
from d2lcnn.insight.explore_pre_post import (
    StreamProfile,
    explore_pre_post,
    stream_profile,
    transformer_stack,
)
from d2lcnn.insight.explore_receptive_field import explore_receptive_field
from d2lcnn.insight.explore_sigmoid import explore_sigmoid
from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.figures import draw_network, feature_maps, plot_runs, show_images
from d2lcnn.insight.initializers import (
    VarianceProfile,
    gain,
    init_he,
    init_lecun,
    init_normal,
    init_orthogonal,
    init_xavier,
    lsuv,
    variance_through_depth,
)
from d2lcnn.insight.ledger import LEDGER, LedgerRow, LedgerTable, ledger_table
from d2lcnn.insight.listing import show_source
from d2lcnn.insight.probes import (
    ActivationStats,
    GradientStats,
    Record,
    UpdateStats,
    record_activations,
    record_gradients,
    record_updates,
    select_layers,
)
from d2lcnn.insight.receptive_field import FieldRow, FieldTable, next_field, output_size, receptive_field
from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.insight.small_alexnet import random_crops, small_alexnet
from d2lcnn.insight.small_runs import (
    Walk,
    count_work,
    dense_network,
    fit_batches,
    flat_gradient,
    random_batches,
    saved_megabytes,
    sgd_step,
    share_right,
    unit_moments,
    walk_along_gradient,
)
from d2lcnn.insight.svg import Drawing, Panel
from d2lcnn.insight.tables import LayerRow, LayerTable, layer_rows, layer_table

__all__ = [
    *_checks,
    "LEDGER",
    "ActivationStats",
    "Drawing",
    "Explorer",
    "FieldRow",
    "FieldTable",
    "GradientStats",
    "LayerRow",
    "LayerTable",
    "LedgerRow",
    "LedgerTable",
    "Panel",
    "Record",
    "StreamProfile",
    "UpdateStats",
    "VarianceProfile",
    "Walk",
    "build_on_meta",
    "count_work",
    "dense_network",
    "draw_network",
    "explore_depth",
    "explore_norm_choice",
    "explore_pre_post",
    "explore_paths",
    "explore_receptive_field",
    "explore_sigmoid",
    "explore_growth",
    "explore_norms",
    "feature_maps",
    "fit_batches",
    "flat_gradient",
    "gain",
    "init_he",
    "init_lecun",
    "init_normal",
    "init_orthogonal",
    "init_xavier",
    "layer_rows",
    "layer_table",
    "ledger_table",
    "lsuv",
    "network_depth",
    "next_field",
    "output_size",
    "plot_batch_sizes",
    "plot_runs",
    "random_batches",
    "random_crops",
    "receptive_field",
    "removable_blocks",
    "record_activations",
    "record_gradients",
    "record_updates",
    "runs_by_batch_size",
    "saved_megabytes",
    "select_layers",
    "sgd_step",
    "share_right",
    "show_images",
    "show_source",
    "small_alexnet",
    "stream_profile",
    "transformer_stack",
    "unit_moments",
    "statistics_set",
    "variance_through_depth",
    "walk_along_gradient",
    "without_block",
]
