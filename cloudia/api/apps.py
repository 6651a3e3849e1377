"""What every API endpoint is made of."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.api"
    label = "api"
