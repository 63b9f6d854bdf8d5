"""The jobs and the Celery tasks that run them."""
