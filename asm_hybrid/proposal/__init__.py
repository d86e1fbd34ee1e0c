"""The ``data`` section of a config, proposed for a file nobody has described."""
