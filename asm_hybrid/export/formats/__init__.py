"""The export formats, one a file: each offers a `FORMAT`, and nothing else is told of it."""
