from database_fixtures import *  # noqa: F403
