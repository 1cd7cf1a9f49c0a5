"""Sessions: made, continued, attached, and removed by cleanup."""
