"""Self-checks of the chapter that compares the networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Number
from statistics import NormalDist

from d2lcnn.insight.exercises.answers import accept, is_close, listed, require, require_function
from d2lcnn.insight.tradeoff import pareto_front


def check_comparing_megabytes(megabytes: Callable[[int, int], float]) -> None:
    """Check the size of a network's weights.

    Args:
        megabytes: Called with the number of parameters and the bits of each; gives millions of bytes.

    Raises:
        WrongAnswer: If it gives another size.

    Example:
        >>> check_comparing_megabytes(lambda parameters, bits: parameters * bits / 1e6)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: 4,000,000 parameters of 32 bits take another number of megabytes...
    """
    require_function(megabytes)
    for parameters, bits in ((4_000_000, 32), (25_557_032, 32), (25_557_032, 8), (1_000, 16)):
        require(
            is_close(got := megabytes(parameters, bits), parameters * bits / 8e6, tolerance=1e-4),
            f"{parameters:,} parameters of {bits} bits take another number of megabytes.",
            got=got,
            hint="How many bits has a byte, and how many bytes has a megabyte here? Do not round.",
        )
    accept("What the weights of a network take in a file follows from their number alone.")


def check_comparing_error_bar(error_bar: Callable[[float, int], float]) -> None:
    """Check the standard error that an accuracy has because the test set is a sample of pictures.

    Args:
        error_bar: Called with the accuracy, between 0 and 1, and the number of test pictures.

    Raises:
        WrongAnswer: If it gives another error.

    Example:
        >>> check_comparing_error_bar(lambda accuracy, pictures: accuracy * (1 - accuracy) / pictures)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: An accuracy of 0.8 on 10000 pictures has another standard error...
    """
    require_function(error_bar)
    for accuracy, pictures in ((0.8, 10_000), (0.5, 100), (0.75, 50_000), (0.99, 360)):
        require(
            is_close(got := error_bar(accuracy, pictures), math.sqrt(accuracy * (1 - accuracy) / pictures)),
            f"An accuracy of {accuracy} on {pictures} pictures has another standard error.",
            got=got,
            hint="Each picture is right or wrong, like a coin with that chance. What is the variance of one throw, of the "
            "mean of so many, and what is its root? Leave it on the scale of the accuracy, without per cent.",
        )
    accept("Ten times smaller takes a hundred times the pictures.")


def check_comparing_front(front: Callable[[list[tuple[float, float]]], Sequence[int]]) -> None:
    """Check which candidates nothing else beats.

    Args:
        front: Called with a list of (error, cost); gives the places, from 0, of those for which no other is as good in
            both and better in one, in any order.

    Raises:
        WrongAnswer: If it gives other places.

    Example:
        >>> check_comparing_front(lambda points: [min(range(len(points)), key=lambda i: points[i])])
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: On the front of [(30, 1), (25, 2), (27, 3)] are other places...
    """
    require_function(front)
    cases: list[list[tuple[float, float]]] = [
        [(30, 1), (25, 2), (27, 3)],
        [(30, 1), (30, 2), (20, 2)],
        [(10, 5)],
        [(20, 2), (20, 2), (30, 3)],
        [
            (40.7, 0.7),
            (27.9, 1.8),
            (24.5, 3.7),
            (22.9, 3.9),
            (23.6, 2.8),
            (22.1, 3.4),
            (21.4, 11.3),
            (20.9, 7.7),
        ],
    ]
    for points in cases:
        got = front(list(points))
        places = listed(got)
        require(
            all(isinstance(place, Number) and not isinstance(place, bool) for place in map(_plain, places)),
            "Places are asked for: one list of whole numbers, the first pair's 0.",
            got=got,
            hint="Neither the pairs themselves, nor a yes or no for each of them.",
        )
        require(
            sorted(places, key=str) == sorted(pareto_front(points), key=str),
            f"On the front of {points} are other places, the first pair's being 0.",
            got=got,
            hint="One that is equal to another in both respects does not beat it; one that is equal in one respect and "
            "better in the other does.",
        )
    accept("What is not on the front can be left out, whatever an error costs you.")


def _plain(place: object) -> object:
    """Give the Python number that a scalar of numpy or torch holds, anything else as it is."""
    return place.item() if getattr(place, "shape", None) == () else place  # type: ignore[attr-defined]


def check_comparing_wins(wins: Callable[[float, float, float], float]) -> None:
    """Check the chance that the worse of two networks wins when each runs once.

    Args:
        wins: Called with the difference of their mean accuracies, not negative, and the standard deviations of single
            runs of the two, which are independent and normally distributed.

    Raises:
        WrongAnswer: If it gives another chance.

    Example:
        >>> check_comparing_wins(lambda gap, one, other: 1 - NormalDist().cdf(gap / (one + other)))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The worse wins with another chance for a difference of 0.01...
    """
    require_function(wins)
    for gap, one, other in ((0.0, 0.02, 0.01), (0.01, 0.02, 0.02), (0.02, 0.03, 0.01), (0.05, 0.01, 0.04)):
        right = NormalDist().cdf(-gap / math.hypot(one, other))
        require(
            is_close(got := wins(gap, one, other), right, tolerance=1e-3),
            f"The worse wins with another chance for a difference of {gap} and deviations of {one} and {other}.",
            got=got,
            hint="The difference of the two accuracies is normally distributed too. What are its mean and its deviation, "
            "and when does it have the wrong sign?",
        )
    accept("Without a gap it is one half; it falls as the gap outgrows the scatter.")


def check_comparing_seeds(seeds: Callable[[float, float, float], int]) -> None:
    """Check how many runs each of two networks needs so that the worse seldom has the better mean.

    Args:
        seeds: Called with the difference of the means, the standard deviation of single runs, the same for both, and the
            chance of an error that is allowed, below one half; gives the least whole number of runs of each network.

    Raises:
        WrongAnswer: If it gives another number.

    Example:
        >>> check_comparing_seeds(lambda gap, deviation, chance: 3)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: A difference of 0.01 with a deviation of 0.02...
    """
    require_function(seeds)
    for gap, deviation, chance in (
        (0.01, 0.02, 0.05),
        (0.02, 0.03, 0.05),
        (0.01, 0.01, 0.25),
        (0.05, 0.01, 0.1),
    ):
        right = math.ceil(2 * (NormalDist().inv_cdf(chance) * deviation / gap) ** 2)
        require(
            is_close(got := seeds(gap, deviation, chance), right),
            f"A difference of {gap} with a deviation of {deviation} needs another number of runs for a chance of {chance}.",
            got=got,
            hint="What is the deviation of the difference between two means of n runs? How many of these deviations must "
            "the gap have, so that the wrong sign comes with the chance that is allowed? Round up.",
        )
    accept("Half the difference takes four times the runs.")


def check_comparing_excess(excess: Callable[[int], float]) -> None:
    """Check by how much the best of several equal networks looks better than they are.

    Args:
        excess: Called with the number of networks, each run once, all with the same mean and normally distributed; gives
            the expected distance of the best one above the mean, in standard deviations, to two per cent.

    Raises:
        WrongAnswer: If it gives another distance.

    Example:
        >>> check_comparing_excess(lambda k: 1.0)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The best of 2 equal networks is another distance above their mean...
    """
    require_function(excess)
    for k, right in ((2, 0.5642), (3, 0.8463), (5, 1.1630), (10, 1.5388)):
        require(
            is_close(got := excess(k), right, tolerance=0.02),
            f"The best of {k} equal networks is another distance above their mean.",
            got=got,
            hint="Draw k normal numbers a hundred thousand times and take the mean of their maxima, or integrate x times "
            "the density of the maximum.",
        )
    accept("Whoever tries ten and prints the best one adds a deviation and a half.")


def check_comparing_mean_ratio(mean_ratio: Callable[[list[float]], float]) -> None:
    """Check a mean of speed-ups that does not depend on which of the two is called the first.

    Args:
        mean_ratio: Called with ratios of speeds, ours to theirs; the mean of theirs to ours must be one over it, the mean
            of equal ratios that ratio, and the mean of products of two ratios the product of their means.

    Raises:
        WrongAnswer: If it is another mean.

    Example:
        >>> check_comparing_mean_ratio(lambda ratios: sum(ratios) / len(ratios))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The ratios [2.0, 0.5] have another mean. Your answer gives 1.25...
    """
    require_function(mean_ratio)
    for ratios in ([2.0, 0.5], [3.0, 3.0, 3.0], [1.0, 4.0], [0.9, 1.4, 2.5, 0.7]):
        require(
            is_close(got := mean_ratio(list(ratios)), math.prod(ratios) ** (1 / len(ratios)), tolerance=1e-4),
            f"The ratios {ratios} have another mean.",
            got=got,
            hint="Twice as fast once and half as fast once is no gain. Which mean of 2 and 1/2 is 1?",
        )
    accept("A mean of ratios must not change sides when numerator and denominator do.")
