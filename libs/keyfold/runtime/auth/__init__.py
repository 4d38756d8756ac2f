"""Who asks: claims, the keys that tokens are proved with, and callers."""
