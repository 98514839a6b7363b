"""Generations written by hand, and what every view must show of them."""
