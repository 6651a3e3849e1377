"""What is asked of storage: check, record, enqueue."""
