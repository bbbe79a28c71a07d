"""Loads the plugin, so that a bare checkout behaves like an installation."""

pytest_plugins = ["tr03108.plugin"]
