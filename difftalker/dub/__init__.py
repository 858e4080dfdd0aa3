"""Driving a trained face with new sound: a chain of streams from footage and sound to a finished film."""
