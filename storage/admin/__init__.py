"""Operators' pages of storage, one module for each kind of row."""

from storage.admin import domains, filesystems, images, volumes

__all__ = ["domains", "filesystems", "images", "volumes"]
