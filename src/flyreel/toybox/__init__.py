"""A small scripted world whose truth is known exactly: scenes, what is said and described in them, and questions."""
