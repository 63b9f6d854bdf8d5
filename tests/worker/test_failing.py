import errno

import pytest

from models_store.errors import LabelConflict, StorageFull
from nnp.core.errors import DivergedError, RecipeError
from worker import failing


def wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("while writing the checkpoint") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        wrapped(OSError(errno.EDQUOT, "Disk quota exceeded")),
        StorageFull(),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
    ],
)
def test_a_full_disk_is_recognised_however_wrapped_and_waited_for(error: Exception) -> None:
    failure = failing.explain(error)
    assert failure.code == "disk_full"
    assert failure.retryable
    assert failure.pause_seconds is not None


def test_divergence_names_the_epoch_and_the_reason() -> None:
    failure = failing.explain(DivergedError(epoch=7, reason="the loss is not finite"))
    assert failure.code == "training_diverged"
    assert failure.detail == {"epoch": 7, "reason": "the loss is not finite"}
    assert "checkpoint is kept" in failure.message
    assert not failure.retryable


def test_bad_input_is_not_our_fault() -> None:
    failure = failing.explain(RecipeError(field="cutoff", reason="must be positive"))
    assert (failure.code, failure.traceback) == ("recipe_invalid", False)


def test_conflicting_labels_are_listed() -> None:
    entry = {"file": "a.xyz", "frame": 3, "line": 30, "reason": "another energy"}
    assert failing.explain(LabelConflict([entry])).rejections == (entry,)


def test_what_nobody_expected_is_logged_with_a_traceback_and_may_be_tried_again() -> None:
    failure = failing.explain(KeyError("pair"))
    assert (failure.code, failure.traceback, failure.retryable) == ("internal_error", True, True)
