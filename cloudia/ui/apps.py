"""What every page is made of."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.ui"
    label = "ui"
