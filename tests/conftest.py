"""What holds for every test."""

from hypothesis import settings

# No deadline: on a busy machine of two cores a fast example now and then takes its time, which is no fault.
settings.register_profile("fieldeye", deadline=None)
settings.load_profile("fieldeye")
