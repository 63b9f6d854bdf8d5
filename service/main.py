"""The application that uvicorn serves; with worker/main.py the only module that acts on import."""

from models_store import log
from service.app import create_app
from service.settings import Settings

settings = Settings()
log.configure("api", format=settings.log_format, level=settings.log_level)
app = create_app(settings)
