"""Memories that compute at their banks: programs of commands, and what plays them."""
