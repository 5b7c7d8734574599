"""Looking inside: listings, tables and figures."""

from d2lcnn.insight.figures import draw_network, feature_maps, plot_runs, show_images
from d2lcnn.insight.listing import show_source
from d2lcnn.insight.tables import LayerRow, LayerTable, layer_rows, layer_table

__all__ = [
    "LayerRow",
    "LayerTable",
    "draw_network",
    "feature_maps",
    "layer_rows",
    "layer_table",
    "plot_runs",
    "show_images",
    "show_source",
]
