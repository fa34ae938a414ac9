from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("runbooks", "0002_initial")]

    operations = [
        migrations.AddIndex(
            model_name="checkrun",
            index=models.Index(
                fields=["check_definition", "location"], condition=Q(state="queued"), name="runs_queued_by_check"
            ),
        ),
        migrations.AddIndex(
            model_name="checktransition",
            index=models.Index(fields=["check_definition", "location", "id"], name="transitions_by_check"),
        ),
        migrations.AlterField(
            model_name="checkclaim",
            name="ended_as",
            field=models.CharField(
                blank=True,
                help_text="A run state, or how the try ended without one: see `runbooks.ledger.endings`.",
                max_length=12,
            ),
        ),
    ]
