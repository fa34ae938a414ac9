from django.urls import path

from teams.views import audit_log, environments, invitations, members, services, settings, team, welcome, zones

app_name = "teams"
urlpatterns = [
    path("welcome/", welcome.welcome, name="welcome"),
    path("settings/", settings.settings, name="settings"),
    path("team/", team.team, name="team"),
    path("team/switch/", team.switch, name="switch"),
    path("team/audit/", audit_log.audit_log, name="audit_log"),
    path("team/invitations/", invitations.invite, name="invite"),
    path("team/invitations/made/", invitations.invited, name="invited"),
    path("team/invitations/<int:invitation_id>/revoke/", invitations.revoke, name="invitation_revoke"),
    path("team/invitations/<int:invitation_id>/reinstate/", invitations.reinstate, name="invitation_reinstate"),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("team/<slug:team_slug>/members/<int:user_id>/role/", members.change_role, name="member_role"),
    path("team/<slug:team_slug>/members/<int:user_id>/remove/", members.remove, name="member_remove"),
    path("team/<slug:team_slug>/members/<int:user_id>/restore/", members.restore, name="member_restore"),
    path("team/environments/", environments.add, name="environment_add"),
    path("team/environments/<int:environment_id>/", environments.edit, name="environment_edit"),
    path("team/environments/<int:environment_id>/move/", environments.move, name="environment_move"),
    path("team/environments/<int:environment_id>/remove/", environments.remove, name="environment_remove"),
    path("team/environments/restore/<str:ticket>/", environments.restore, name="environment_restore"),
    path("team/zones/", zones.add, name="zone_add"),
    path("team/zones/allow/", zones.from_refusal, name="zone_from_refusal"),
    path("team/zones/<int:zone_id>/", zones.edit, name="zone_edit"),
    path("team/zones/<int:zone_id>/remove/", zones.remove, name="zone_remove"),
    path("team/zones/restore/<str:ticket>/", zones.restore, name="zone_restore"),
    path("services/", services.services, name="services"),
    path("services/new/", services.new, name="service_new"),
    path("services/<slug:team_slug>/<slug:slug>/edit/", services.edit, name="service_edit"),
    path("services/<slug:team_slug>/<slug:slug>/archive/", services.archive, name="service_archive"),
    path("services/<slug:team_slug>/<slug:slug>/restore/", services.restore, name="service_restore"),
]
