"""What both front doors share: options, their validation, destinations and progress."""
