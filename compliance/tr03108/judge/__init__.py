"""Judging: checks over subjects, the verdict algebra, roll-up, gates and waivers. No socket, no clock."""

from .calls import Call, active, calls
from .check import Check, check, checks_in, load_check_file, load_checks
from .run import exit_status, judge_target, roll_up
from .waivers import load_waivers

__all__ = [
    "Call",
    "Check",
    "active",
    "calls",
    "check",
    "checks_in",
    "exit_status",
    "judge_target",
    "load_check_file",
    "load_checks",
    "load_waivers",
    "roll_up",
]
