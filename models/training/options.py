"""Which options of `pulsewire train` go together: one that would be passed over is wrong usage."""

import typer

BOTH = frozenset({"out", "head", "data", "replace"})
OF_A_HEAD = frozenset({"kinds", "bundle"})
OF_TEXTS = frozenset({"text_column", "label_column"})


def require_together(context: typer.Context, *, head: bool, added: bool) -> None:
    """`BadParameter`, which names it, for an option that was given and has no say in what is asked for.

    `head` is whether one head of the user's own is taught, `added` whether labelled texts are added for all heads.
    """
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if name in BOTH or source is None or source.name != "COMMANDLINE":
            continue
        if why := _complaint(name, head=head, added=added):
            raise typer.BadParameter(why, param_hint=option.opts[0])


def _complaint(name: str, *, head: bool, added: bool) -> str:
    if name in OF_TEXTS:
        return "" if head or added else "goes with --data or --add, which name a file"
    if name in OF_A_HEAD:
        return "" if head else "goes with --head and --data, which teach one head"
    return "goes with training all heads: leave it out, or --head and --data" if head else ""
