"""n and f + n as ONNX graphs: the equations over a third array namespace, beside those of torch and CasADi."""
