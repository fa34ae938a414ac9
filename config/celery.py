"""The Celery app. The broker only rings the bell: what is to be done stands in the database."""

import os

from celery import Celery

from config import brokers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

brokers.use_them()
app = Celery("hindsight")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Of the process, not only of the importing thread: a web server's other threads ring too.
app.set_default()
# By name: the ticker needs Django, which is not set up yet.
app.steps["worker"].add("config.ticker:Ticker")
