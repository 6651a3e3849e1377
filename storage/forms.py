"""Storage as people fill it in."""
