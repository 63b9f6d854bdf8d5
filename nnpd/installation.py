"""Where an installation keeps its things: the settings, with the home folder filling what they leave out."""

from dataclasses import dataclass

from models_store.home import Home
from nnpd.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The home and the three addresses."""

    home: Home
    database_url: str
    broker_url: str
    artifacts_url: str


def of(settings: Settings) -> Installation:
    """The installation of these settings; its home need not exist."""
    home = Home.at(settings.home)
    return Installation(
        home=home,
        database_url=settings.database_url or home.database_url,
        broker_url=settings.broker_url or home.broker_url,
        artifacts_url=settings.artifacts_url or home.artifacts_url,
    )
