"""Reads machines, writes setpoints, survives bad networks."""
