"""The one exception of images and their repositories. Its text never holds a credential."""

from __future__ import annotations


class ImageError(Exception):
    """An image or a repository that cannot be declared, looked up, built or pushed."""
