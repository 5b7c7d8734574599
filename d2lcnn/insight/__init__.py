"""Looking inside: tables, figures, probes, initializers, published figures, and checks of exercises."""

from d2lcnn.insight.batch_size_runs import plot_batch_sizes, runs_by_batch_size
from d2lcnn.insight.block_removal import removable_blocks, without_block
from d2lcnn.insight.comparison import (
    Comparison,
    CourseRow,
    PaperRow,
    compare_networks,
    course_row,
    paper_row,
    unlike_d2l,
)
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
from d2lcnn.insight.explore_thinner import explore_thinner
from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.figures import draw_network, feature_maps, plot_runs, show_images
from d2lcnn.insight.grouped_runs import RunGroup, Setting, by_setting, plot_settings, run_groups
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
from d2lcnn.insight.labels import place_labels
from d2lcnn.insight.ledger import LEDGER, LedgerRow, LedgerTable, ledger_table
from d2lcnn.insight.listing import show_source
from d2lcnn.insight.low_precision import fake_quantize, fold_all_batch_norms, low_precision
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
from d2lcnn.insight.published import (
    D2L_ACCURACIES,
    IMAGENET_ERRORS,
    PublishedAccuracy,
    PublishedError,
    published_errors,
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
from d2lcnn.insight.timeline import MILESTONES, Milestone, first_year, plot_timeline
from d2lcnn.insight.tradeoff import TradeoffPoint, pareto_front, plot_tradeoff

__all__ = [
    *_checks,
    "D2L_ACCURACIES",
    "IMAGENET_ERRORS",
    "LEDGER",
    "MILESTONES",
    "ActivationStats",
    "Comparison",
    "CourseRow",
    "Drawing",
    "Explorer",
    "FieldRow",
    "FieldTable",
    "GradientStats",
    "LayerRow",
    "LayerTable",
    "LedgerRow",
    "LedgerTable",
    "Milestone",
    "Panel",
    "PaperRow",
    "PublishedAccuracy",
    "PublishedError",
    "Record",
    "RunGroup",
    "Setting",
    "StreamProfile",
    "TradeoffPoint",
    "UpdateStats",
    "VarianceProfile",
    "Walk",
    "build_on_meta",
    "by_setting",
    "compare_networks",
    "count_work",
    "course_row",
    "dense_network",
    "draw_network",
    "explore_depth",
    "explore_growth",
    "explore_norm_choice",
    "explore_norms",
    "explore_paths",
    "explore_pre_post",
    "explore_receptive_field",
    "explore_sigmoid",
    "explore_thinner",
    "fake_quantize",
    "feature_maps",
    "first_year",
    "fit_batches",
    "flat_gradient",
    "fold_all_batch_norms",
    "gain",
    "init_he",
    "init_lecun",
    "init_normal",
    "init_orthogonal",
    "init_xavier",
    "layer_rows",
    "layer_table",
    "ledger_table",
    "low_precision",
    "lsuv",
    "network_depth",
    "next_field",
    "output_size",
    "paper_row",
    "pareto_front",
    "place_labels",
    "plot_batch_sizes",
    "plot_runs",
    "plot_settings",
    "plot_timeline",
    "plot_tradeoff",
    "published_errors",
    "random_batches",
    "random_crops",
    "receptive_field",
    "record_activations",
    "record_gradients",
    "record_updates",
    "removable_blocks",
    "run_groups",
    "runs_by_batch_size",
    "saved_megabytes",
    "select_layers",
    "sgd_step",
    "share_right",
    "show_images",
    "show_source",
    "small_alexnet",
    "statistics_set",
    "stream_profile",
    "transformer_stack",
    "unit_moments",
    "unlike_d2l",
    "variance_through_depth",
    "walk_along_gradient",
    "without_block",
]
