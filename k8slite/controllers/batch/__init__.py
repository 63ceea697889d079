"""Controllers of Jobs: their pods, their schedules, their ends."""
