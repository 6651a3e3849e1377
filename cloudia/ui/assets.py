"""How static files are stored and addressed."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedAssets(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise ships no types
    """Compressed, with the content's hash in the name, so that browsers may keep them for ever.

    Needs ``manage.py collectstatic``. Tests use Django's plain storage instead.
    """
