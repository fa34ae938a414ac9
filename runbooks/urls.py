from django.urls import URLPattern, URLResolver, path

from runbooks.views import maintenance, maintenance_changes, runbook, step_changes
from runbooks.views.edit import edit, new
from runbooks.views.maintenance_list import maintenance_list
from runbooks.views.plan import plan
from runbooks.views.run import run_page
from runbooks.views.runbook_list import load, runbook_list
from runbooks.views.trial import try_check

app_name = "runbooks"
urlpatterns: list[URLPattern | URLResolver] = [
    path("maintenance/", maintenance_list, name="maintenance_list"),
    path("maintenance/plan/", plan, name="plan"),
    path("maintenance/<str:key>/", maintenance.maintenance_page, name="maintenance"),
    path("maintenance/<str:key>/live/", maintenance.live, name="live"),
    path("maintenance/<str:key>/history/", maintenance.history, name="history"),
    path("maintenance/<str:key>/status/", maintenance_changes.change_status, name="change_status"),
    path("maintenance/<str:key>/abort/", maintenance_changes.abort, name="abort"),
    path("maintenance/<str:key>/run/", maintenance_changes.run_checks, name="run_checks"),
    path("maintenance/<str:key>/steps/", step_changes.add, name="add_step"),
    path("maintenance/<str:key>/steps/<int:position>/", step_changes.change, name="change_step"),
    path("maintenance/<str:key>/steps/<int:position>/undo/", step_changes.undo, name="undo_step"),
    path("runs/<int:run_id>/", run_page, name="run"),
    path("runbooks/", runbook_list, name="list"),
    path("runbooks/new/", new, name="new"),
    path("runbooks/load-shipped/", load, name="load_shipped"),
    path("runbooks/<slug:team_slug>/<slug:slug>/", runbook.runbook_page, name="runbook"),
    path("runbooks/<slug:team_slug>/<slug:slug>/versions/", runbook.versions, name="versions"),
    path("runbooks/<slug:team_slug>/<slug:slug>/yaml/", runbook.download, name="download"),
    path("runbooks/<slug:team_slug>/<slug:slug>/edit/", edit, name="edit"),
    path("runbooks/<slug:team_slug>/<slug:slug>/copy/", runbook.copy, name="copy"),
    path("runbooks/<slug:team_slug>/<slug:slug>/archive/", runbook.archive, name="archive"),
    path("runbooks/<slug:team_slug>/<slug:slug>/unarchive/", runbook.unarchive, name="unarchive"),
    path("runbooks/<slug:team_slug>/<slug:slug>/try/", try_check, name="try"),
]
