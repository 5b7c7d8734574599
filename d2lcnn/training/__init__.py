"""Training, measuring, and the record of what was measured."""

import d2lcnn.training.huge_pages  # noqa: F401  # for what it does
from d2lcnn.training.animator import Animator
from d2lcnn.training.epoch import DivergedError
from d2lcnn.training.history import History
from d2lcnn.training.loop import train_ch6, xavier_uniform
from d2lcnn.training.metrics import Accumulator, Timer, accuracy, evaluate, evaluate_accuracy_gpu
from d2lcnn.training.recipes import RECIPES, Recipe
from d2lcnn.training.records import Run, load_runs, record, spread, summarize_runs
from d2lcnn.training.schedules import constant_schedule, cosine_schedule, step_schedule
from d2lcnn.training.speeds import Speed, load_speeds

__all__ = [
    "RECIPES",
    "Accumulator",
    "Animator",
    "DivergedError",
    "History",
    "Recipe",
    "Run",
    "Speed",
    "Timer",
    "accuracy",
    "constant_schedule",
    "cosine_schedule",
    "evaluate",
    "evaluate_accuracy_gpu",
    "load_runs",
    "load_speeds",
    "record",
    "spread",
    "step_schedule",
    "summarize_runs",
    "train_ch6",
    "xavier_uniform",
]
