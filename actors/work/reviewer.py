"""Who looks at finished work, and says whether it is done?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors._core.agent import Agent
from actors._core.errors import printed
from actors._core.messages import FrameworkMessage
from actors.typed import Accepting, ReviewFeedback, ReviewRequest

Review = Callable[[ReviewRequest], Any]
"""Looks at a work package, and gives its verdict: see `Reviewer.review`."""


class Reviewer(Accepting[ReviewRequest]):
    """Looks at the work that workers hand it directly: `ref.ask(ReviewRequest(...))` is answered with ReviewFeedback.

    What it thinks of that is `review(request)`, given as a function, `Reviewer(review=check)`, or as a method of a
    subclass. The feedback names the work package that it is about, so that several may be under way. A review that
    raises is a failure of the reviewer: the worker asks once more, then the conductor decides.
    """

    def __init__(self, review: Review | None = None) -> None:
        if review is not None and not callable(review):
            raise ValueError(f"review: a function that takes a ReviewRequest, not {review!r}")
        if review is None and type(self).review is Reviewer.review:
            raise ValueError("review: a function that takes a ReviewRequest, or a subclass with a method `review`")
        self._function = review

    def review(self, request: ReviewRequest) -> Any:
        """Give what is thought of the work: a bool, or texts that say what to mend, one or several, or ReviewFeedback.

        Where there is nothing to mend, `[]` or "", it is an approval. May block; or give a future of one of these, and
        others are reviewed meanwhile.
        """
        assert self._function is not None
        return self._function(request)

    def on_receive(self, message: Any) -> Any:
        """Review what was handed over; anything else is told that this is a reviewer."""
        if isinstance(message, FrameworkMessage):
            return Agent.on_receive(self, message)
        package = message.work_package_id
        given = self.review(message)
        if not hasattr(given, "add_done_callback"):
            return feedback_on(package, given)
        if not self.context.asked:
            return None  # nobody waits for it
        reply = self.context.defer()

        def pass_on(*_: Any) -> None:
            try:
                feedback = feedback_on(package, given.get() if hasattr(given, "get") else given.result())
            except BaseException as error:
                reply.set_exception(error)
            else:
                reply.set(feedback)

        given.add_done_callback(pass_on)
        return None


def feedback_on(package: str, given: Any) -> ReviewFeedback:
    """Make feedback on a work package of what a review has given; raises ValueError or TypeError for what is none."""
    if isinstance(given, ReviewFeedback):
        if given.work_package_id != package:
            raise ValueError(f"a review of {package!r} gave feedback on {given.work_package_id!r}")
        return given
    if isinstance(given, bool):
        return ReviewFeedback(work_package_id=package, approved=given)
    comments = (given,) if isinstance(given, str) else given
    if not isinstance(comments, list | tuple) or not all(isinstance(comment, str) for comment in comments):
        raise TypeError(f"a review gives a bool, texts or ReviewFeedback, not {printed(given, 200)}")
    comments = tuple(comment for comment in comments if comment)
    return ReviewFeedback(work_package_id=package, approved=not comments, comments=comments)
