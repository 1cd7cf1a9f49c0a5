"""What the browser draws and keeps, without a daemon."""
