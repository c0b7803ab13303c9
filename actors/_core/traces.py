"""How much of the code that failed is kept with its error?"""

from __future__ import annotations

import contextlib
import inspect

_RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def forget_locals(error: BaseException) -> None:
    """Let go of the variables of the code that failed; what the error says, and its lines, stay.

    The error is kept by events and by the next incarnation, and its frames hold the instance that failed. Everybody
    was told before: the log, the subscribers, `on_failure`.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        todo += [link.__cause__, link.__context__]
        trace = link.__traceback__
        while trace is not None:
            # To clear a suspended generator would end it; one that the error has left stands where it was left.
            if not trace.tb_frame.f_code.co_flags & _RESUMABLE or trace.tb_frame.f_lasti == trace.tb_lasti:
                with contextlib.suppress(RuntimeError):  # it still runs
                    trace.tb_frame.clear()
                    # Before Python 3.13 a frame keeps what a log read of it, until it is read again.
                    _ = trace.tb_frame.f_locals
            trace = trace.tb_next
