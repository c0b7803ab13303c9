"""Do the messages of workers survive JSON, and do they refuse what they are not?"""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from actors import (
    Accepting,
    AdditionalContext,
    Agent,
    Cancel,
    ControlMessage,
    Decision,
    InvalidMessageError,
    NeedsDecision,
    NodeCreated,
    ProgressReport,
    ReviewFeedback,
    ReviewRequest,
    TaskBlocked,
    TaskCompleted,
    WorkerMessage,
    decode,
)
from actors.typed import Kill, TeamMessage, decoding
from tests.typed.samples import OTHER_MESSAGES, WORKER_MESSAGES


def named(message: Any) -> str:
    return type(message).__name__


ALL = pytest.mark.parametrize("message", [*WORKER_MESSAGES, *OTHER_MESSAGES], ids=named)
NINE = pytest.mark.parametrize("message", WORKER_MESSAGES, ids=named)
# The fields as they were known, and those that say which task or package is meant where nothing did.
FIELDS: dict[type[BaseModel], set[str]] = {
    ProgressReport: {"agent_id", "turn", "summary"},
    TaskCompleted: {"agent_id", "task_id", "summary"},
    TaskBlocked: {"agent_id", "task_id", "reason"},
    NeedsDecision: {"agent_id", "task_id", "decision"},
    NodeCreated: {"agent_id", "parent_id", "node"},
    Cancel: {"reason", "task_id"},
    AdditionalContext: {"content", "task_id"},
    ReviewRequest: {"work_package_id", "changed_files"},
    ReviewFeedback: {"work_package_id", "approved", "comments"},
}


def wrong_for(field: str) -> Any:
    """Give what is of the wrong type for a field, whichever it is."""
    return {"turn": "10", "approved": "yes", "comments": [1], "changed_files": "src"}.get(field, 7)


def required(message: BaseModel) -> list[str]:
    return [name for name, field in type(message).model_fields.items() if field.is_required()]


def test_the_worker_messages_are_a_closed_set_of_nine() -> None:
    union = get_args(get_args(WorkerMessage)[0])
    assert set(union) == set(FIELDS)
    assert {named(message) for message in WORKER_MESSAGES} == {kind.__name__ for kind in FIELDS}
    assert {kind: set(kind.model_fields) - {"kind"} for kind in FIELDS} == FIELDS


def test_those_of_a_team_are_these_and_the_ones_beyond() -> None:
    team = set(get_args(get_args(TeamMessage)[0]))
    assert team == {type(message) for message in (*WORKER_MESSAGES, *OTHER_MESSAGES)}


@pytest.mark.system_case("T14")
@ALL
def test_each_message_survives_json(message: BaseModel) -> None:
    text = message.model_dump_json()
    assert type(message).model_validate_json(text) == message
    read = decode(TeamMessage, text)
    assert (type(read), read) == (type(message), message)


@pytest.mark.system_case("T14")
@NINE
def test_each_of_the_nine_is_read_by_the_tag_in_its_json(message: BaseModel) -> None:
    text = message.model_dump_json()
    assert json.loads(text)["kind"] == "".join(f"_{c.lower()}" if c.isupper() else c for c in named(message))[1:]
    adapter: TypeAdapter[Any] = TypeAdapter(WorkerMessage)
    assert adapter.validate_json(text) == message
    assert decode(WorkerMessage, text) == message


@pytest.mark.system_case("T14")
@NINE
def test_each_refuses_to_be_made_without_a_field_and_names_it(message: BaseModel) -> None:
    for field in required(message):
        values = {name: getattr(message, name) for name in type(message).model_fields if name != field}
        with pytest.raises(ValidationError) as caught:
            type(message)(**values)
        assert [(each["loc"], each["type"]) for each in caught.value.errors()] == [((field,), "missing")]
        without = {name: value for name, value in message.model_dump(mode="json").items() if name != field}
        with pytest.raises(InvalidMessageError, match=f"{field}: Field required") as refused:
            decode(WorkerMessage, json.dumps(without))
        assert refused.value.field == field


@pytest.mark.system_case("T14")
@NINE
def test_each_refuses_a_field_of_another_type_and_names_it_with_its_value(message: BaseModel) -> None:
    for field in FIELDS[type(message)]:
        wrong = wrong_for(field)
        values = {name: getattr(message, name) for name in type(message).model_fields}
        with pytest.raises(ValidationError) as caught:
            type(message)(**{**values, field: wrong})
        assert {each["loc"][0] for each in caught.value.errors()} == {field}
        with pytest.raises(InvalidMessageError) as refused:
            decode(WorkerMessage, json.dumps({**message.model_dump(mode="json"), field: wrong}))
        assert refused.value.field.split(".")[0] == field
        assert refused.value.value == (wrong[0] if isinstance(wrong, list) else wrong)
        assert repr(refused.value.value) in str(refused.value)


@NINE
def test_each_refuses_a_field_that_it_does_not_have(message: BaseModel) -> None:
    with pytest.raises(InvalidMessageError, match="extra: Extra inputs are not permitted"):
        decode(WorkerMessage, json.dumps({**message.model_dump(mode="json"), "extra": 1}))


@ALL
def test_each_is_a_value_equal_frozen_hashable_and_copied_as_it_is(message: BaseModel) -> None:
    for copied in (message.model_copy(), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert copied == message
        assert hash(copied) == hash(message)
    field = next(name for name in type(message).model_fields)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(message, field, "another")


@ALL
def test_each_prints_as_its_name_and_its_fields(message: BaseModel) -> None:
    text = repr(message)
    assert text.startswith(f"{named(message)}(")
    assert all(f"{name}={getattr(message, name)!r}" in text for name in type(message).model_fields if name != "kind")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"kind": "gossip"}', "kind"),
        ("{}", "kind"),
        ("[]", ""),
        ("{", ""),
        ('{"kind": "node_created", "agent_id": "a", "parent_id": "b", "node": {"id": 1}}', "node.id"),
    ],
)
def test_what_is_none_of_them_is_refused(text: str, field: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        decode(WorkerMessage, text)
    assert caught.value.field == field


def test_a_cancel_is_a_control_message_and_so_is_a_kill() -> None:
    control = {type(message) for message in (*WORKER_MESSAGES, *OTHER_MESSAGES) if isinstance(message, ControlMessage)}
    assert control == {Cancel, Kill}


@pytest.mark.parametrize(
    "path", [PurePosixPath("src/a.py"), PureWindowsPath(r"src\a.py"), Path("src") / "a.py", "src/a.py"]
)
def test_changed_files_may_be_paths_and_are_kept_as_text(path: Any) -> None:
    request = ReviewRequest(work_package_id="wp-1", changed_files=[path])  # type: ignore[arg-type]
    assert request.changed_files == ("src/a.py",)


def test_a_refusal_of_a_decision_says_why() -> None:
    assert Decision(granted=True).reason == ""
    with pytest.raises(ValidationError, match="a refusal needs a reason"):
        Decision(granted=False)


def test_what_is_no_node_is_refused_as_one() -> None:
    with pytest.raises(ValidationError, match="decision"):
        NeedsDecision(agent_id="a", task_id="t", decision="none")  # type: ignore[arg-type]


class Worker(Accepting[Cancel | NodeCreated]):
    pass


class Anything(Agent):
    pass


class Unreadable(Agent):
    accepts = Cancel | Anything


def test_json_is_read_for_an_agent_by_what_it_accepts() -> None:
    message = decode(Worker, '{"kind": "cancel", "reason": "enough"}')
    assert message == Cancel(reason="enough")
    with pytest.raises(InvalidMessageError, match=r"^Worker does not accept") as caught:
        decode(Worker, '{"kind": "cancel", "reason": 7}')
    assert (caught.value.path, caught.value.field, caught.value.value) == ("Worker", "reason", 7)


def test_what_is_read_may_be_bytes_and_of_any_type_that_pydantic_knows() -> None:
    assert decode(list[int], b"[1, 2]") == [1, 2]
    assert decode(int, bytearray(b"3")) == 3
    with pytest.raises(InvalidMessageError, match="int does not accept"):
        decode(int, '"3"')


def test_nothing_is_read_for_an_agent_that_does_not_say_what_or_cannot_be_sent_it_as_json() -> None:
    with pytest.raises(TypeError, match="Anything does not say what it accepts"):
        decode(Anything, "{}")
    with pytest.raises(TypeError, match="Unreadable accepts Cancel or Anything, which cannot all be made of JSON"):
        decode(Unreadable, "{}")


def test_only_so_many_readers_are_kept() -> None:
    for number in range(300):
        assert decode(dict[str, int] | list[int], f"[{number}]") == [number]
    assert len(decoding._kept) <= decoding._MOST_KEPT
