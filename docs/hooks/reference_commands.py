"""The command line, from the commands themselves."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import typer
from markupsafe import Markup

from asm_hybrid.cli import EXIT_CODES, app

__all__ = ["commands_text", "exit_codes_text"]

PROGRAM = "asm-hybrid"

_ENTRY = Markup('<div>\n<dt><code>{names}</code>{needed}</dt>\n<dd class="kind">{kind}</dd>\n<dd>{text}</dd>\n</div>\n')


def commands_text() -> str:
    """Return every command with what it takes, as Markdown.

    Returns
    -------
    str
    """
    command = typer.main.get_command(app)
    context = command.make_context(PROGRAM, [], resilient_parsing=True)
    return "\n\n".join(
        part for name, one, its in _commands(context, command, PROGRAM) for part in _command(name, one, its)
    )


def exit_codes_text() -> str:
    """Return the exit codes as a table in Markdown.

    Returns
    -------
    str
    """
    return "\n".join(
        ["| Code | Meaning |", "|---|---|", *(f"| {code} | {text} |" for code, text in EXIT_CODES.items())]
    )


def _commands(context: Any, command: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the commands that do something, each with its full name and its context."""
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield name, command, context
    for word, one in inner.items():
        if not one.hidden:
            its = one.make_context(word, [], parent=context, resilient_parsing=True)
            yield from _commands(its, one, f"{name} {word}")


def _command(name: str, command: Any, context: Any) -> Iterator[str]:
    anchor = name.removeprefix(f"{PROGRAM} ").replace(" ", "-")
    yield f"## `{name.removeprefix(f'{PROGRAM} ')}` {{#{anchor}}}"
    usage = [piece for piece in command.collect_usage_pieces(context) if piece]
    yield f"```text\n{name} {' '.join(usage)}\n```"
    with contextlib.redirect_stdout(io.StringIO()):  # a command may add to its help at that moment
        command.format_help(context, context.make_formatter())
    yield _help(command.help or "")
    entries = [_entry(parameter, context) for parameter in command.params if not getattr(parameter, "hidden", False)]
    if entries:
        yield f'<dl class="keys">\n{Markup("").join(entries)}</dl>'


def _help(text: str) -> str:
    """Return a help text as Markdown: what is set in from the left is a command line."""
    parts, lines = [], list[str]()
    for paragraph in [*text.split("\n\n"), ""]:
        if paragraph.startswith("  "):
            lines += [line.strip() for line in paragraph.splitlines()]
            continue
        if lines:
            parts.append("```bash\n" + "\n".join(lines) + "\n```")
            lines = []
        parts.append(re.sub(r"docs/([\w/-]+)\.md", r"[docs/\1.md](../\1.md)", str(Markup("{}").format(paragraph))))
    return "\n\n".join(parts).strip()


def _entry(parameter: Any, context: Any) -> Markup:
    names, text = parameter.get_help_record(context)
    text, _, facts = str(text).partition("  [")
    if parameter.param_type_name == "option" and parameter.is_flag:
        names = names.rsplit(" <", 1)[0]
    needed = Markup(' <strong class="needed">required</strong>') if parameter.required else ""
    facts = ", ".join(fact for fact in facts.rstrip("]").split("; ") if fact and fact != "required")
    return _ENTRY.format(names=names, needed=needed, kind=facts, text=text)
