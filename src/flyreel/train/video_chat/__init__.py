"""What video-chat is made of: adapters on a model, and its look at held-out questions."""
