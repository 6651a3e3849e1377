"""The web process: an ASGI application for uvicorn."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
os.environ.setdefault("CLOUDIA_WEB", "1")  # before the settings are read: see cloudia.core.env
django = get_asgi_application()

# Of WhiteNoise's files, which Django reads whole before it sends them: they are small, and browsers keep them.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators", Warning)

from cloudia.api.streaming import StreamedBodies  # noqa: E402  # Django must be set up first

application = StreamedBodies(django, path="/api/v1/images/uploads/")
