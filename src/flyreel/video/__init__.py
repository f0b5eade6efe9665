"""From a file to the frames a question needs: decode, shots, embed, keyframes; and fetch, which brings the file."""
