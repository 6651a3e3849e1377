"""The shape of libvirt's documents: which value stands where. What to choose is the designer's business."""
