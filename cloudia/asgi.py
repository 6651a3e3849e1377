"""The web process: an ASGI application for uvicorn."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
os.environ.setdefault("CLOUDIA_WEB", "1")  # before the settings are read: see cloudia.core.env
django = get_asgi_application()

from cloudia.api.streaming import StreamedBodies  # noqa: E402  # Django must be set up first

application = StreamedBodies(django, path="/api/v1/images/uploads/")
