"""Benchmarks: ``make bench``, or ``python -m tests.bench [row ...]``. What the numbers mean: docs/performance.md.

Every number is compared with a yardstick that is measured in the same run, because machines differ. These are no
tests: they take minutes, and what else the machine does shows in them.
"""
