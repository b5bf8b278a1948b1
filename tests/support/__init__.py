"""Shared by tests of whole queries: tables of hostile values, settings that force a way of running, comparison."""
