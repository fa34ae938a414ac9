"""Root URLs. Every route needs its row in tests/access_matrix.py."""

from django.urls import include, path

from teams.views import settings as personal_settings
from teams.views import welcome

urlpatterns = [
    # Before allauth's page of this address and name: an address is changed by nobody alone.
    path("accounts/email/", personal_settings.address, name="account_email"),
    path("accounts/login/", welcome.sign_in, name="account_login"),
    path("accounts/", include("allauth.urls")),
    path("", include("teams.urls")),
    path("", include("runbooks.urls")),
    path("", include("incidents.urls")),
    path("", include("pages.urls")),
]
handler400 = "pages.views.errors.bad_request"
handler403 = "pages.views.errors.permission_denied"
handler404 = "pages.views.errors.page_not_found"
handler500 = "pages.views.errors.server_error"
