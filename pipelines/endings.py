"""How tasks and flows end: what a user can put right is a failed state with one line, never a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Failed

from difftalker.errors import UserError
from pipelines.process import Stopped

P = ParamSpec("P")
R = TypeVar("R")


class Ended(Exception):
    """A task ended otherwise than completed; the flow ends in the same state."""

    def __init__(self, state: State[Any]) -> None:
        super().__init__(state.message or state.name)
        self.state = state


def in_one_line(function: Callable[P, R]) -> Callable[P, R | State[Any]]:
    """For the function of a task or flow: user errors fail it, a stop cancels it, each with its line."""

    @functools.wraps(function)
    def ended(*arguments: P.args, **options: P.kwargs) -> R | State[Any]:
        try:
            return function(*arguments, **options)
        except Stopped as stopped:
            return Cancelled(message=str(stopped))
        except KeyboardInterrupt:
            return Cancelled(message="interrupted; the next run goes on where this one stopped")
        except UserError as error:
            return Failed(message=str(error))
        except Ended as other:  # a new state: Prefect would merge a task's own with all others into "1/1 states failed"
            return (Cancelled if other.state.is_cancelled() else Failed)(message=str(other))

    return ended


def result(state: State[Any]) -> Any:
    """The result of a task called with `return_state=True`.

    Raises:
        Ended: it did not complete.
    """
    if not state.is_completed():
        raise Ended(state)
    return state.result()
