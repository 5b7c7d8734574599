"""The course's layers, from scratch; the networks take torch's where it has one, and these can be put in."""

from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d, fold_batch_norm, population_statistics
from d2lcnn.layers.color_noise import PCAColorNoise
from d2lcnn.layers.cosine_norm import CosineConv2d, CosineLinear
from d2lcnn.layers.depthwise import DepthwiseSeparableConv
from d2lcnn.layers.dropout import Dropout
from d2lcnn.layers.evonorm import EvoNormB0, EvoNormS0
from d2lcnn.layers.filter_response_norm import FilterResponseNorm2d, ThresholdedLinearUnit
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.hard_swish import HardSigmoid, HardSwish
from d2lcnn.layers.layer_norm import LayerNorm
from d2lcnn.layers.local_response_norm import LocalResponseNorm
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation
from d2lcnn.layers.weight_norm import MeanOnlyBatchNorm, MeanOnlyLayerNorm, WeightNormConv2d, WeightNormLinear
from d2lcnn.layers.weight_standardization import WSConv2d
from d2lcnn.layers.whitening import Whitening

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "CosineConv2d",
    "CosineLinear",
    "DepthwiseSeparableConv",
    "Dropout",
    "EvoNormB0",
    "EvoNormS0",
    "FilterResponseNorm2d",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "InstanceNorm2d",
    "LayerNorm",
    "LocalResponseNorm",
    "MeanOnlyBatchNorm",
    "MeanOnlyLayerNorm",
    "PCAColorNoise",
    "SqueezeExcitation",
    "ThresholdedLinearUnit",
    "WSConv2d",
    "WeightNormConv2d",
    "WeightNormLinear",
    "Whitening",
    "fold_batch_norm",
    "population_statistics",
]
