from django.db import migrations

from teams import audit_triggers


def create(apps, schema_editor):
    audit_triggers.create(schema_editor.connection)


def drop(apps, schema_editor):
    audit_triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("teams", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
