"""The web process: an ASGI application for uvicorn."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
os.environ.setdefault("CLOUDIA_WEB", "1")  # before the settings are read: see cloudia.core.env
application = get_asgi_application()
