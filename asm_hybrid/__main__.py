"""``python -m asm_hybrid``: the command line, for launchers such as ``torchrun`` that want a module."""

from asm_hybrid.cli import main

main()
