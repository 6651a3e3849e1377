"""Django's settings. Everything that differs between installations comes from the environment: docs/settings.md."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from cloudia.core import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("CLOUDIA_VAR", str(BASE_DIR / "var")))

DEBUG = env.flag("CLOUDIA_DEBUG", default=False)
SECRET_KEY = env.secret_key("CLOUDIA_SECRET_KEY", VAR_DIR / "secret-key")
ALLOWED_HOSTS = env.words("CLOUDIA_ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = env.words("CLOUDIA_TRUSTED_ORIGINS", "")
HTTPS = env.flag("CLOUDIA_HTTPS", default=False)
BEHIND_PROXY = env.flag("CLOUDIA_BEHIND_PROXY", default=False)

INSTALLED_APPS = [
    "cloudia.accounts",
    "cloudia.jobs",
    "cloudia.hosts",
    "cloudia.ui",
    "cloudia.api",
    "storage",
    "networking",
    "instances",
    "cloudia.accounts.admin_config.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_htmx",
    "django_q",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "cloudia.accounts.middleware.ActorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "cloudia.urls"
ASGI_APPLICATION = "cloudia.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cloudia.ui.context.page",
            ],
        },
    },
]

# PostgreSQL only: locks, notifications and partial unique constraints are used, so no second engine is pretended.
DATABASES = {"default": env.database("DATABASE_URL", VAR_DIR / "postgres")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- people -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "cloudia.accounts.backends.PeopleBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5  # wrong passwords for one name from one address ...
AXES_COOLOFF_TIME = 0.25  # ... lock that pair out for so many hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # trying on does not lengthen it
AXES_CLIENT_IP_CALLABLE = "cloudia.accounts.addresses.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6000  # a security group may have all of a project's 1,000 rules, of five fields each
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

# --- language ---------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = env.text("CLOUDIA_TIME_ZONE", "Asia/Seoul")

# --- assets -----------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": env.text("CLOUDIA_STATIC_STORAGE", "cloudia.ui.assets.HashedAssets")},
}

# --- API --------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cloudia.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "cloudia.api.schema.Schema",
    "DEFAULT_PAGINATION_CLASS": "cloudia.api.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "cloudia.api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CloudiA",
    "VERSION": "1",
    "DESCRIPTION": "Virtual machines on libvirt/KVM hosts. What takes time answers 202 with a job.",
    "COMPONENT_SPLIT_REQUEST": True,  # what is sent has other rules than what is read
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "StorageDomainKindEnum": "storage.enums.DomainKind",
        "FileSystemKindEnum": "storage.enums.FileSystemKind",
        "ProtocolEnum": "networking.enums.Protocol",
        "TracedProtocolEnum": "networking.traffic_serializers.TRACED",
    },
}

# --- jobs -------------------------------------------------------------------------------------------------------
# Why these numbers: docs/jobs.md. A large disk takes hours to copy, examine or convert, so `timeout` only ends what
# hangs for ever: every call has a deadline of its own, and dead workers are known by their leases. `retry` stays above
# it, because django-q2 hands a task out again after `retry` seconds while the first still runs.
CLOUDIA_WORKERS = env.number("CLOUDIA_WORKERS", 4)
Q_CLUSTER = {
    "name": "cloudia",
    "orm": "default",
    "workers": CLOUDIA_WORKERS,
    "broker_class": "cloudia.jobs.broker.NotifiedBroker",
    "poll": 0,  # the broker waits by itself
    "timeout": 7 * 86_400,
    "retry": 8 * 86_400,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": -1,  # our Job rows are the record
    "queue_limit": CLOUDIA_WORKERS,
    "label": "Queue",
    "scheduler": False,
}

# --- images -------------------------------------------------------------------------------------------------------
MAX_IMAGE_GIB = env.number("CLOUDIA_MAX_IMAGE_GIB", 2048)  # of the disk in an image, and of its file
SCRATCH_DIR = env.directory("CLOUDIA_SCRATCH", VAR_DIR / "scratch")  # of workers, for conversions
UPLOAD_HOURS = env.number("CLOUDIA_UPLOAD_HOURS", 24)  # an upload that gets no byte for so long is given up
# Networks and host names of the machine's own surroundings that images may be imported from all the same.
IMPORT_ALLOWED = env.places("CLOUDIA_IMPORT_ALLOWED")

# --- storage ------------------------------------------------------------------------------------------------------
# On every host: below these directories storage domains may lie, and nowhere else; the first one where it was put.
STORAGE_ROOTS = [
    *env.directories("CLOUDIA_STORAGE_ROOTS", "/var/lib/cloudia,/srv,/mnt"),
    *env.directories("CLOUDIA_POOL_DIR", ""),
]
# On every host: operators may share what lies directly in these directories with guests, and nothing else.
VIRTIOFS_ROOTS = env.directories("CLOUDIA_VIRTIOFS_ROOTS", "")

# --- networks -----------------------------------------------------------------------------------------------------
# OVN's databases: a unix socket, or ssl: with the three files.
OVN_NORTHBOUND = env.text("CLOUDIA_OVN_NB", "unix:/var/run/ovn/ovnnb_db.sock")
OVN_SOUTHBOUND = env.text("CLOUDIA_OVN_SB", "unix:/var/run/ovn/ovnsb_db.sock")
OVN_PRIVATE_KEY = env.text("CLOUDIA_OVN_KEY", "")
OVN_CERTIFICATE = env.text("CLOUDIA_OVN_CERT", "")
OVN_CA = env.text("CLOUDIA_OVN_CA", "")
NETWORK_MTU = env.number("CLOUDIA_MTU", 1442, minimum=576)  # of guests: 1500 without Geneve's 58 bytes
NETWORK_DNS = env.resolvers("CLOUDIA_DNS")  # what guests ask for names that OVN does not know

# --- log ----------------------------------------------------------------------------------------------------------
# To standard error, without times: whoever collects the lines (systemd, a supervisor) adds them.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("CLOUDIA_LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},  # else it has a handler of its own
        "django-q": {"level": "WARNING"},  # at INFO it tells every task
        "urllib3": {"level": "WARNING"},  # at DEBUG it tells addresses, which may carry a signature
        "axes": {"level": "WARNING"},  # at INFO four lines for every login; the audit trail has them
    },
}
