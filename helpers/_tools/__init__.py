"""The tools round the course: the launcher and the build. Lessons use none of it."""
