"""Other people's models, PyTorch's and ONNX's, as functions that whygrad differentiates, explains and diagnoses."""
