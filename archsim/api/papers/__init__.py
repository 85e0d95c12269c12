"""Published numbers as cases: what was reported, its source, and how it is simulated here.

A paper is a module with `TITLE` and `cases()`; its numbers lie beside it as a CSV file with the source of every row.
"""
