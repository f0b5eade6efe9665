"""From a clip's source to a file that is whole: download, check, keep, and say what could not be had and why."""
