"""What users ask of networks: check, record. OVN is told at once by whoever listens (:mod:`networking.sync`)."""
