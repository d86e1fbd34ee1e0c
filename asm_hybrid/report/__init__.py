"""The report: figures and one self-contained HTML page, made from a run folder and nothing else."""

from asm_hybrid.report.run_page import write_report

__all__ = ["write_report"]
