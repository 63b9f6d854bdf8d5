"""`celery --app worker.main worker`: the only module of this package that acts on import."""

from worker.application import create_worker
from worker.settings import Settings

app = create_worker(Settings())
