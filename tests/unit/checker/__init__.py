"""Cores of the checker."""
