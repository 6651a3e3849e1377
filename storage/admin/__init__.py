"""Operators' pages of storage, one module for each kind of row."""

from storage.admin import domains, images, volumes

__all__ = ["domains", "images", "volumes"]
