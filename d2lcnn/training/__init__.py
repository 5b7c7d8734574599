"""Training, measuring, and the record of what was measured."""

from d2lcnn.training.animator import Animator
from d2lcnn.training.epoch import DivergedError
from d2lcnn.training.history import History
from d2lcnn.training.loop import train_ch6, xavier_uniform
from d2lcnn.training.metrics import Accumulator, Timer, accuracy, evaluate, evaluate_accuracy_gpu
from d2lcnn.training.recipes import RECIPES, Recipe
from d2lcnn.training.records import Run, load_runs, record, spread, summarize_runs
from d2lcnn.training.schedules import constant, cosine, step_decay

__all__ = [
    "RECIPES",
    "Accumulator",
    "Animator",
    "DivergedError",
    "History",
    "Recipe",
    "Run",
    "Timer",
    "accuracy",
    "constant",
    "cosine",
    "evaluate",
    "evaluate_accuracy_gpu",
    "load_runs",
    "record",
    "spread",
    "step_decay",
    "summarize_runs",
    "train_ch6",
    "xavier_uniform",
]
