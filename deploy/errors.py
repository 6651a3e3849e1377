"""What stops a start."""


class StartError(Exception):
    """CloudiA cannot start; the message is one line and says what to do about it."""
