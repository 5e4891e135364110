"""The tools round the course: launcher, notebook build, pictures. Lessons use none of it."""
