"""The pytest front door: `pytest --tr-target example.org`. Entry point of the same name as this module.

pytest loads this module in every project of an environment that has tr03108 installed. So it only declares options;
the rest is imported once somebody asks for an audit, by an option `--tr-...` or by the path of a check file.
"""

from __future__ import annotations

import importlib

import pytest

from tr03108.front.options import add_to_pytest, given_to_pytest
from tr03108.plugin.paths import names_check_files


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option of `tr03108 audit`, with the prefix `--tr-`."""
    group = parser.getgroup("tr03108", "audit of mail domains against BSI TR-03108 (tr03108)")
    add_to_pytest(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Wakes the plugin where it is wanted."""
    given = given_to_pytest(config.option)
    if given or names_check_files(config):
        # Not at the top: an audit needs DNS and TLS libraries that no other project's tests should wait for.
        importlib.import_module("tr03108.plugin.session").wake(config, given)
