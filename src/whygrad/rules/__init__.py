"""The calculus: the table of rules, and everything written with it. Nothing else in whygrad states a derivative."""
