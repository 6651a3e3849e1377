"""Storage domains, the images in them, volumes, and file systems that instances mount."""

from storage.models.base import GIB, Stored
from storage.models.domains import StorageAttachment, StorageDomain
from storage.models.filesystems import FileSystem, FileSystemPlace
from storage.models.images import Image, Upload
from storage.models.strays import StrayFile
from storage.models.volumes import Volume

__all__ = [
    "GIB",
    "FileSystem",
    "FileSystemPlace",
    "Image",
    "StorageAttachment",
    "StorageDomain",
    "Stored",
    "StrayFile",
    "Upload",
    "Volume",
]
