"""Lesion share and predominant stress of a leaf: a small segmentation network beside the detectors."""
