"""Verdicts on trainings of `st`, of made-up curves, and what each advises."""

import numpy as np
import pytest

from seqbench.perturb.health import Telling, judge

LOOKS = np.arange(40) / 40
SETTLED = 0.3 + np.exp(-12 * LOOKS)
"""Twelve time constants long: nothing is left to gain."""
YOUNG = 0.3 + np.exp(-LOOKS)
"""One time constant long: a third of the fall is still to come."""
OLD = 0.3 + np.exp(-3 * LOOKS)


@pytest.mark.parametrize(
    ("evaluated", "trained", "verdict", "advised"),
    [
        (SETTLED, SETTLED, "converged", None),
        (YOUNG, YOUNG, "underfitting", "train still fell clearly at the end: more perturb.st.steps"),
        (OLD, OLD, "still improving", "eval still improved at the end: more perturb.st.steps"),
        (SETTLED, YOUNG, "converged", None),
        (SETTLED + 2 * LOOKS, YOUNG, "overfitting", "a smaller perturb.st.hidden"),
        (0.3 + 0.2 * (np.arange(40) % 2), SETTLED, "unstable", "a lower perturb.st.lr"),
        (SETTLED * np.inf, SETTLED, "diverged", "perturb.st.clip"),
    ],
)
def test_losses_tell_the_verdict_and_the_advice(evaluated, trained, verdict: str, advised) -> None:
    found = judge(Telling(eval_E=evaluated, train_E=trained))
    assert found.verdict == verdict
    assert found.advice is None if advised is None else advised in str(found.advice)


def test_a_network_that_fits_train_no_better_than_controls_do_is_underfitting() -> None:
    found = judge(Telling(eval_E=SETTLED, train_E=SETTLED, fit=0.31, unchanged=0.31))
    assert (found.verdict, "no better than by control cells" in str(found.advice)) == ("underfitting", True)
    assert judge(Telling(eval_E=SETTLED, train_E=SETTLED, fit=0.30, unchanged=0.31)).verdict == "converged"


@pytest.mark.parametrize(("waiting", "is_slow"), [(30.0, True), (20.0, True), (19.0, False), (0.0, False)])
def test_a_fifth_of_the_time_waiting_is_slow_loading_whatever_the_verdict(waiting: float, is_slow) -> None:
    found = judge(Telling(eval_E=SETTLED, train_E=SETTLED, seconds=100.0, seconds_waiting=waiting))
    assert found.verdict == "converged"
    assert (found.advice is not None) == is_slow
    overfit = judge(
        Telling(eval_E=SETTLED + 2 * LOOKS, train_E=SETTLED, seconds=100.0, seconds_waiting=waiting)
    )
    assert ("slow loading" in str(overfit.advice), overfit.verdict) == (is_slow, "overfitting")


def test_a_short_training_that_waits_for_its_first_batch_is_not_slow() -> None:
    assert judge(Telling(eval_E=SETTLED, train_E=SETTLED, seconds=2.0, seconds_waiting=1.5)).advice is None
