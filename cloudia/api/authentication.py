"""Who asks: a session of the browsable API, or ``Authorization: Token …``."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from cloudia.accounts.actor import Actor
from cloudia.accounts.addresses import client_address
from cloudia.accounts.models import ApiToken, User
from cloudia.accounts.tokens import find_token


class TokenAuthentication(BaseAuthentication):
    """A token of a person or of a service account. Nothing is told about why one does not work."""

    keyword = "Token"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's user and the token; None if the request shows no token at all."""
        scheme, _space, plain = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.keyword.lower().encode():
            return None
        token = find_token(plain.strip().decode("latin-1"))
        if token is None:
            raise exceptions.AuthenticationFailed(_("This token is not valid."), code="invalid_token")
        address = client_address(request._request)
        request._request.actor = Actor(token.user, token=token, address=address)  # type: ignore[attr-defined]  # ours
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return self.keyword


def actor_of(request: Request) -> Actor:
    """Whoever asks. Only for requests that were let in."""
    if not isinstance(request.user, User):  # asking for the user is what authenticates
        raise exceptions.NotAuthenticated
    actor: Actor = request._request.actor  # type: ignore[attr-defined]  # set by the middleware or above
    return actor
