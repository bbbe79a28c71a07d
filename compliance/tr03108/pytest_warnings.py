"""What a finding with verdict `warn` becomes under pytest; not in the plugin, so that filters can name it."""

from __future__ import annotations


class ComplianceWarning(UserWarning):
    """A norm is met only just, or a recommendation is not followed."""
