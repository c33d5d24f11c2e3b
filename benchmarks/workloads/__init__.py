"""What is timed, described once as data; every peer brings its own code for it."""
