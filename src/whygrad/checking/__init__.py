"""Derivations made by hand: judged step by step, the mistake found, and worksheets to practise on."""
