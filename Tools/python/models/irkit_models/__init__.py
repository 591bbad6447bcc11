"""Models that irkit finds by their names."""
