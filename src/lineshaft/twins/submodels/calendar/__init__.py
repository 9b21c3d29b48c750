"""Tells working time from not working: shifts, breaks, holidays, maintenance (IDTA 02067-1-0, RFC 5545)."""

from .slots import Slot, Sort, read_slots
from .submodel import calendar_of, calendar_submodel
from .working import ProductionCalendar, done_at, working, working_time

__all__ = [
    "ProductionCalendar",
    "Slot",
    "Sort",
    "calendar_of",
    "calendar_submodel",
    "done_at",
    "read_slots",
    "working",
    "working_time",
]
