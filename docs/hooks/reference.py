"""Pages of the reference, made from the program at every build, so that they cannot go stale.

Where a page holds the line ``<!-- made: NAME -->``, what `MADE` has of that name takes its place. Pages of kinetics
tables have no source at all; `mkdocs.yml` lists them in the navigation.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from reference_commands import commands_text, exit_codes_text
from reference_keys import keys_text
from reference_tables import candidates_text, symbols_text, table_page, tables_text

from asm_hybrid.config.schema.config import Config
from asm_hybrid.equations.config import OdeConfig
from asm_hybrid.kinetics import available_tables
from asm_hybrid.optimisation.definition import GoalFile
from asm_hybrid.scenario.definition import ScenarioFile
from asm_hybrid.studies.definition import StudyFile

__all__ = ["on_files", "on_page_markdown"]

MADE: dict[str, Callable[[], str]] = {
    "config keys": lambda: keys_text(Config),
    "scenario keys": lambda: keys_text(ScenarioFile),
    "study keys": lambda: keys_text(StudyFile),
    "goal keys": lambda: keys_text(GoalFile),
    "equation keys": lambda: keys_text(OdeConfig),
    "commands": commands_text,
    "exit codes": exit_codes_text,
    "tables": tables_text,
    "candidates": candidates_text,
    "states": lambda: symbols_text("components"),
    "parameters": lambda: symbols_text("parameters"),
    "composites": lambda: symbols_text("composites"),
}
"""What makes a part of a page, by its name on the page."""

_MARK = re.compile(r"^<!-- made: (.+) -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each shipped kinetics table."""
    for name in available_tables():
        files.append(File.generated(config, f"reference/tables/{name}.md", content=table_page(name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is made in the place of its marks."""

    def made(mark: re.Match[str]) -> str:
        if mark[1] not in MADE:
            raise PluginError(f"{page.file.src_uri}: nothing makes {mark[1]!r}; known are {', '.join(MADE)}")
        return MADE[mark[1]]()

    return _MARK.sub(made, markdown)
