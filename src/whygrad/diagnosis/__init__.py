"""Why a network does not learn: what was measured as plain data, and findings with evidence; knows no kind of model."""
