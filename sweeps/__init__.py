"""Packaged YAML studies, each naming the question it answers."""
