"""Self-checks of the chapters' exercises: one file for each chapter, on top of `answers`."""

from d2lcnn.insight.exercises.answers import WrongAnswer

__all__ = ["WrongAnswer"]
