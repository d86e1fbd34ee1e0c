ELEMENTWISE(relu_of, v > 0.0 ? v : 0.0, v > 0.0 ? 1.0 : 0.0)
