"""What tests of whole queries share: tables of hostile values, settings that force a way of running, comparison."""
