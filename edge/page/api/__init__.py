"""What machines read: state, days and records as JSON, and figures for Prometheus."""
