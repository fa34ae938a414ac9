from django.urls import path

from pages.views import healthz, policy_reports, service, system, today

app_name = "pages"
urlpatterns = [
    path("", today.today, name="today"),
    path("system/", system.system, name="system"),
    path("system/deliveries/retry/", system.retry_deliveries, name="retry_deliveries"),
    path("services/<slug:team_slug>/<slug:slug>/", service.service, name="service"),
    path("healthz", healthz.healthz, name="healthz"),
    path("content-security-policy-reports/", policy_reports.policy_report, name="policy_report"),
]
