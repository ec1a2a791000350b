"""What Label Studio exports as JSON: tasks with their annotations, of which the choices are read.

1. A task without an annotation, or whose annotations were cancelled, is not labelled yet: it is left out and told.
2. A task that its annotators label differently says nothing: it is left out and told, unless one of them is the ground
   truth.
3. Predictions are what the model said, never a label.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.datasets.dataset import Example
from models.errors import DatasetError


class _Value(msgspec.Struct):
    choices: list[str] = []


class _Result(msgspec.Struct):
    type: str = ""
    from_name: str = ""
    value: _Value = msgspec.field(default_factory=_Value)


class _Annotation(msgspec.Struct):
    result: list[_Result] = []
    was_cancelled: bool | None = False
    ground_truth: bool | None = False


class _Task(msgspec.Struct):
    data: dict[str, Any]
    annotations: list[_Annotation] = []
    id: int | str | None = None


def is_task(record: dict[str, Any]) -> bool:
    """Whether this is a task of Label Studio's, not a plain row."""
    return isinstance(record.get("data"), dict)


def rows(
    records: Sequence[dict[str, Any]], path: Path, *, text: str, label: str
) -> tuple[list[Example], tuple[str, ...]]:
    """The labelled texts of an export, and what was left out; `DatasetError` where it is none.

    `text` is the name of a task's text among its data, `label` that of the choices where a task has several.
    """
    try:
        tasks = msgspec.convert(records, list[_Task])
    except msgspec.ValidationError as error:
        msg = f"{path} is no export of Label Studio's ({error}): export it as JSON again"
        raise DatasetError(msg) from error
    name = _choices(tasks, path, label)
    found, left_out = [], {"have no label yet": 0, "are labelled differently by different people": 0}
    for number, task in enumerate(tasks, 1):
        given = _given(task, name, f"{path}, task {task.id or number}")
        if len(given) == 1:
            found.append(Example(_text(task, path, text), given.pop()))
        else:
            left_out["are labelled differently by different people" if given else "have no label yet"] += 1
    return found, tuple(f"{count:,} tasks {why} and are left out" for why, count in left_out.items() if count)


def _choices(tasks: Sequence[_Task], path: Path, label: str) -> str:
    """The name of the choices that are the label: the one that is asked for, else the only one there is."""
    names = sorted(
        {one.from_name for task in tasks for said in task.annotations for one in said.result if one.value.choices}
    )
    if label in names or not names:
        return label
    if len(names) > 1:
        msg = f"{path} has the choices {', '.join(names)}: name yours with --label-column"
        raise DatasetError(msg)
    return names[0]


def _given(task: _Task, name: str, where: str) -> set[str]:
    """The labels that people gave this task."""
    said = [one for one in task.annotations if not one.was_cancelled]
    said = [one for one in said if one.ground_truth] or said
    given = set()
    for result in (result for one in said for result in one.result if result.from_name == name):
        choices = {choice.strip() for choice in result.value.choices} - {""}
        if len(choices) > 1:
            msg = f"{where} has the labels {', '.join(sorted(choices))}: a head gives a text one"
            raise DatasetError(msg)
        given |= choices
    return given


def _text(task: _Task, path: Path, name: str) -> str:
    value = task.data.get(name)
    if not isinstance(value, str) or not value.strip():
        has = ", ".join(task.data) or "nothing"
        msg = f"{path}, task {task.id}: its data has no text {name!r}, but {has}: name yours with --text-column"
        raise DatasetError(msg)
    return value.strip()
