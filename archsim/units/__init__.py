"""Compute units that families share, each with its specification, golden function and cycle function."""
