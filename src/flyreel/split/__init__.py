"""Questions into train, val and test so that nothing stands on both sides."""
