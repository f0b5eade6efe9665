"""Which frames a question needs: one file per selector."""
