"""Which options of a command go together: one that would be passed over is wrong usage."""

from collections.abc import Iterator

import typer

BOTH = frozenset({"out", "head", "data", "replace"})
OF_A_HEAD = frozenset({"kinds", "bundle"})
OF_TEXTS = frozenset({"text_column", "label_column"})


def require_a_file(context: typer.Context, by: str, *, given: bool) -> None:
    """`BadParameter` for a column that was named where no file was, by the option `by`."""
    for name, option in _on_the_line(context):
        if name in OF_TEXTS and not given:
            raise typer.BadParameter(f"goes with {by}, which names a file", param_hint=option)


def require_together(context: typer.Context, *, head: bool, added: bool) -> None:
    """`BadParameter`, which names it, for an option of `train` that was given and has no say in what is asked for.

    `head` is whether one head of the user's own is taught, `added` whether labelled texts are added for all heads.
    """
    require_a_file(context, "--data or --add", given=head or added)
    for name, option in _on_the_line(context):
        if name not in BOTH | OF_TEXTS and (why := _complaint(name, head=head)):
            raise typer.BadParameter(why, param_hint=option)


def _on_the_line(context: typer.Context) -> Iterator[tuple[str, str]]:
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is not None and source.name == "COMMANDLINE":
            yield option.name or "", option.opts[0]


def _complaint(name: str, *, head: bool) -> str:
    if name in OF_A_HEAD:
        return "" if head else "goes with --head and --data, which teach one head"
    return "goes with training all heads: leave it out, or --head and --data" if head else ""
