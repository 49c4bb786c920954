"""What all tests have in common."""

from hypothesis import settings

pytest_plugins = ["reporting_fixtures", "web_fixtures"]

# Examples are not timed: how long one takes is the machine's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
