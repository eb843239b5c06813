"""The dashboard: a folder of many runs as a page that stays up to date."""
