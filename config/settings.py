"""Settings, read from the environment only. Every name read here stands in docs/configuration.md."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from config.current_sqlite import WAL_IS_SAFE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# State of the embedded default: database, queue folder, uploads, secret key.
STATE_DIR = Path(env.str("STATE_DIR", default=str(BASE_DIR / "var")))
STATE_DIR.mkdir(parents=True, exist_ok=True)


def secret_key_of_this_installation() -> str:
    """Read the key kept in the state folder; make it on the first start (mode 0600, exclusive create)."""
    path = STATE_DIR / "secret_key"
    if not path.exists():
        scratch = STATE_DIR / f"secret_key.{secrets.token_hex(4)}"
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(scratch)  # fails if another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key_of_this_installation()
# The audit chain is keyed apart from sessions, so that rotating SECRET_KEY does not break it.
AUDIT_KEY = env.str("AUDIT_KEY", default="") or SECRET_KEY
DEBUG = env.bool("DEBUG", default=False)

PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), _public.hostname or "127.0.0.1", "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
LISTEN_ADDRESS = env.str("LISTEN_ADDRESS", default="127.0.0.1:8000")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "teams",
    "notifications",
    "runbooks",
    "incidents",
    "replays",
    "pages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Outside all that may answer with an error page: their headers belong to every answer.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "pages.middleware.DatabaseTroubleMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "teams.middleware.CurrentTeamMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "pages.frame.frame",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------------------------
_sqlite_default = f"sqlite:///{STATE_DIR / 'hindsight.sqlite3'}"
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url("DATABASE_URL", default=_sqlite_default)}
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
SQLITE_WAL_IS_SAFE = WAL_IS_SAFE
if ON_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that will write takes its lock at the start, so it cannot fail half way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            f"PRAGMA journal_mode={'WAL' if WAL_IS_SAFE else 'DELETE'};PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})
    # Each thread keeps its connection a while and looks at it before use: after a restart of the database the next
    # request gets a fresh one at once (docs/decisions/0008).
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONNECTION_SECONDS", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"]["connect_timeout"] = 3
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Celery: the bell -------------------------------------------------------------------------------------------
_queue_folder = STATE_DIR / "broker"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
ON_FILESYSTEM_BROKER = CELERY_BROKER_URL.startswith("filesystem")
_two_seconds = {"socket_timeout": 2, "socket_connect_timeout": 2}  # a broker that accepts and is silent
if ON_FILESYSTEM_BROKER:
    for _name in ("messages", "control"):
        (_queue_folder / _name).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_queue_folder / "messages"),
        "data_folder_out": str(_queue_folder / "messages"),
        "control_folder": str(_queue_folder / "control"),
        "polling_interval": 0.1,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {**_two_seconds, "max_retries": 0}
    if _prefix := env.str("BROKER_KEY_PREFIX", default=""):  # Redis shared with others: every key starts with it
        CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] = _prefix
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_DEFAULT_QUEUE = "documents"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TIMEZONE = "UTC"

# --- Checks: where probes may go --------------------------------------------------------------------------------
EGRESS_ZONES = env.list("EGRESS_ZONES", default=[])  # CIDRs every team may probe, besides the zones of its own
EGRESS_DENY = env.list("EGRESS_DENY", default=[])  # CIDRs nobody may probe
LOOPBACK_ALLOWED = any(zone.strip().startswith(("127.", "::1")) for zone in EGRESS_ZONES)
CHECK_CONCURRENCY = env.int("CHECK_CONCURRENCY", default=1000)  # runs in flight in one worker process
CHECK_CONCURRENCY_PER_TARGET = env.int("CHECK_CONCURRENCY_PER_TARGET", default=500)  # of those, at one host and port
LEASE_GRACE_SECONDS = env.float("LEASE_GRACE_SECONDS", default=15.0)  # a run's lease = its deadline + this
WORKER_STOP_SECONDS = env.float("WORKER_STOP_SECONDS", default=8.0)  # a stopping worker gives back what takes longer
OBSERVATION_RETENTION_DAYS = env.int("OBSERVATION_RETENTION_DAYS", default=90)

# --- Sign-in ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # people come by invitation to their address
ACCOUNT_ADAPTER = "teams.sign_in.ByInvitationOnly"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
if env.bool("MFA", default=False):
    INSTALLED_APPS += ["allauth.mfa"]
    MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
    MFA_PASSKEY_LOGIN_ENABLED = True
if OIDC_SERVER_URL := env.str("OIDC_SERVER_URL", default=""):
    INSTALLED_APPS += ["allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
    SOCIALACCOUNT_ADAPTER = "teams.single_sign_on.OnlyKnownAddresses"
    SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
    SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": env.str("OIDC_NAME", default="Single sign-on"),
                    "client_id": env.str("OIDC_CLIENT_ID"),
                    "secret": env.str("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_SERVER_URL},
                }
            ],
        }
    }

# --- Security ---------------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=True)
if env.bool("BEHIND_PROXY", default=False):  # the reverse proxy sets and overwrites these headers
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'", *([OIDC_SERVER_URL] if OIDC_SERVER_URL else [])],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": ["/content-security-policy-reports/"],
    }
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # a form; texts have their own limit of 1 MB with a message
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_BYTES", default=10 * 1024 * 1024)

CACHES = {
    # Rate limits of the sign-in live here. One web process: its memory will do. Several: set CACHE_URL.
    "default": env.cache_url("CACHE_URL", default="locmemcache://"),
}

# --- Files, mail, time, words -----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(STATE_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(STATE_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if env.bool("PLAIN_STATIC", default=False)
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Hindsight <hindsight@localhost>")
EMAIL_TIMEOUT = 10
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en-gb"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}
