"""tr03108: audits e-mail services against BSI TR-03108 v2.0. The public names that check files use."""
