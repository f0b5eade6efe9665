"""How models do on questions: answers read, scored, compared, and put on a board."""

from flyreel.replies.parsing import parse_answer as parse_answer
