"""Attention on spatial arrays: tilings, their steady state in closed form, their traffic and their operations."""
