"""Questions to findings: one file per probe, and the statistics that all of them share."""
