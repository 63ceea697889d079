"""The horizontal autoscaler: what it measures, what it wants, how fast it may go there."""
