"""Classic convolutional networks, written to be read and tested against torch, torchvision and the papers.

Rooms, in the order in which data flows: `data`, `layers`, `nets`, `training`, `insight`. Every public name of theirs
is importable from here, and the names that Dive into Deep Learning uses are spelled as there.
"""

from d2lcnn import data, insight, layers, nets, training
from d2lcnn.data import *  # noqa: F403
from d2lcnn.insight import *  # noqa: F403
from d2lcnn.layers import *  # noqa: F403
from d2lcnn.nets import *  # noqa: F403
from d2lcnn.training import *  # noqa: F403

__all__ = sorted({*data.__all__, *layers.__all__, *nets.__all__, *training.__all__, *insight.__all__})
