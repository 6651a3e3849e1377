"""The watcher: keeps the database true to what happens on hosts. One process leads, others stand by."""

from cloudia.hosts.watcher.leadership import is_led
from cloudia.hosts.watcher.watcher import Watcher

__all__ = ["Watcher", "is_led"]
