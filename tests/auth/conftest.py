from auth_fixtures import *  # noqa: F403
from database_fixtures import *  # noqa: F403
