"""What caption-qa is made of: captions, the text made from them, the reader, and what it scores."""
