"""``python -m asm_hybrid``: the command line, for launchers such as ``torchrun`` that want a module."""

from __future__ import annotations

from asm_hybrid.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
