"""The workbook of a run: its parameters, its kinetics as live formulas, what was learnt, scores and indicators."""
