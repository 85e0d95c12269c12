"""Packaged YAML: designs, memories, technology constants."""
