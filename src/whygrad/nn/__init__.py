"""Neural networks as functions over the engine: layers, costs, data and training. No derivative is written here."""
